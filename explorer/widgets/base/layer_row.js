// What stands where in a row of the trait `layers`, as `LayerStrip` in Python sends it.
export const NAME = 0, KIND = 1, BLOCK = 2, DESCRIPTION = 3, PARAMETERS = 4, TITLE = 5, CODE = 6, INDEX = 7;

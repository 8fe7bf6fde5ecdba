import pytest
from fake_fine_tuning import DATA, FineTuningBackend, deep
from fakes import NESTED, FakeBackend, layer, network
from in_browser import focused, sent, show, trait

from explorer.state.fine_tuning import FineTuningState
from explorer.state.session import Session
from explorer.values import Layers
from explorer.widgets.explore.layer_strip import LayerStrip
from explorer.worker.queue import InlineWorker

pytestmark = pytest.mark.browser

SIDE = 10  # CSS pixels beside the bars
BARS = 11


def strip_of(make):
    session = Session(worker=InlineWorker(lambda: FineTuningBackend(networks={"digits": make})))
    fine_tuning = FineTuningState(session)
    fine_tuning.shown = True
    return LayerStrip(session, fine_tuning)


@pytest.fixture
def view():
    return strip_of(deep)


@pytest.fixture
def long_view():
    def long(spec):
        rows = [layer(index, f"conv_{index}", "convolution", "Conv2D", f"block_{index // 10}", (4, 4, 2), 20) for index in range(300)]
        return network(spec, layers=Layers([*rows, layer(300, "predictions", "dense", "Dense", "top", (4,), 12)]))

    return strip_of(long)


def mobile(spec):
    """Return a network with blocks, one of them a nested model, and a shared layer."""
    names = [(f"block_{block}_{part}", f"block_{block}") for block in (1, 2, 6, 16) for part in ("expand", "expand_relu", "add")]
    rows = [layer(0, "input", "input", "InputLayer", "stem", (8, 8, 3)), layer(1, "Conv1", "convolution", "Conv2D", "stem", (4, 4, 2), 9)]
    rows += [layer(2 + place, name, "activation", "ReLU", block, (4, 4, 2)) for place, (name, block) in enumerate(names)]
    rows += [layer(14, "backbone", "model", "Functional", "backbone", (4, 4, 2))]
    rows += [
        layer(14, f"backbone/{name}", "other", "Layer", "backbone", (4, 4, 2), is_nested_or_reused=True)
        for name in ("conv_pw_1", "Mixed_7b")
    ]
    rows += [
        layer(15, "lstm", "recurrent", "LSTM", "lstm", (4,)),
        layer(15, "lstm:1", "recurrent", "LSTM", "lstm", (4,), is_nested_or_reused=True),
    ]
    return network(spec, layers=Layers([*rows, layer(16, "7", "dense", "Dense", "top", (4,), 12)]))


GONE_TO = {
    "block_6_exp": "block_6_expand",
    "block 6": "block_6_expand",
    "BLOCK 6": "block_6_expand",
    "Block6": "block_6_expand",
    "block_16": "block_16_expand",
    "block 1": "block_1_expand",
    "block_6_expand_relu": "block_6_expand_relu",
    "6_add": "block_6_add",
    "conv1": "Conv1",
    "stem": "input",
    "3": "block_1_expand_relu",
    " 15 ": "lstm",
    "-1": "7",
    "layers[13]": "block_16_add",
    "model.layers[13]": "block_16_add",
    "13 · block_16_add": "block_16_add",
    "7": "7",
    "backbone/mixed_7b": "backbone/Mixed_7b",
    "mixed_7b": "backbone/Mixed_7b",
    "backbone": "backbone",
    "lstm:1": "lstm:1",
}


def test_what_is_typed_goes_to_the_layer_that_it_most_likely_means(page):
    view, reached = strip_of(mobile), {}
    show(page, view)
    for typed in GONE_TO:
        page.evaluate('window.model.set("layer", 4)')
        page.get_by_role("combobox", name="Go to").fill(typed)
        page.keyboard.press("Enter")
        reached[typed] = view.layers[trait(page, "layer")][0]
    assert reached == GONE_TO


def test_suggestions_are_chosen_with_the_mouse_or_by_keys(page):
    view = strip_of(mobile)
    show(page, view)
    field = page.get_by_role("combobox", name="Go to")
    field.fill("block 6")
    options = page.get_by_role("option")
    assert options.all_inner_texts() == [
        "block 6\nlayers 8 to 10",
        "8 · block_6_expand\nactivation, 4 × 4 × 2",
        "9 · block_6_expand_relu\nactivation, 4 × 4 × 2",
        "10 · block_6_add\nactivation, 4 × 4 × 2",
    ]
    options.nth(3).click()
    assert (trait(page, "layer"), field.input_value(), options.count()) == (10, "", 0)
    assert focused(field)
    field.fill("expand")
    for key in ("ArrowDown", "ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
    assert field.get_attribute("aria-activedescendant") == page.get_by_role("option", selected=True).get_attribute("id")
    page.keyboard.press("Enter")
    assert view.layers[trait(page, "layer")][0] == "block_1_expand_relu"
    field.fill("add")
    page.keyboard.press("Escape")
    assert (field.get_attribute("aria-expanded"), field.input_value(), options.count()) == ("false", "add", 0)
    page.keyboard.press("ArrowDown")
    assert options.count() == 4


def test_a_miss_is_said_beside_the_field_and_moves_nothing(page):
    show(page, strip_of(mobile))
    before = page.locator(".strip").bounding_box(), trait(page, "layer")
    for typed, said in {
        "blok_6": "No layer or block is called “blok_6”.",
        "99": "There is no layer 99: the indices go from 0 to 16.",
    }.items():
        page.get_by_role("combobox", name="Go to").fill(typed)
        page.keyboard.press("Enter")
        assert page.get_by_role("status").inner_text() == said
    assert (page.locator(".strip").bounding_box(), trait(page, "layer")) == before
    page.get_by_role("combobox", name="Go to").fill("")
    assert page.get_by_role("status").count() == 0
    assert sent(page) == []


def handle(page):
    return page.get_by_role("slider", name="Freeze line")


def freeze(page):
    """Return the index that Python was told, once the frame is over in which it is sent."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.evaluate('window.model.get("freeze")')


def x_of(page, place, bars=BARS):
    """Return where on the page the bar with that place begins."""
    box = page.locator(".strip").bounding_box()
    return box["x"] + SIDE + place / bars * (box["width"] - 2 * SIDE)


def drag(page, *xs):
    """Take the handle in its middle and pull it to these places on the page, one after the other."""
    box = handle(page).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for x in xs:
        page.mouse.move(x, box["y"] + 80)
    page.mouse.up()


def test_without_fine_tuning_there_is_no_freeze_line(page):
    show(page, LayerStrip(Session(worker=InlineWorker(FakeBackend))))
    assert page.get_by_role("slider").count() == 1
    assert page.locator(".tag, .tint, .stroke, .evidence, .about").filter(visible=True).count() == 0


def test_the_line_stands_between_the_bars_and_says_where(page, view):
    show(page, view)
    box = handle(page).bounding_box()
    assert box["x"] + box["width"] / 2 == pytest.approx(x_of(page, 7), abs=1)
    assert page.locator(".tag").inner_text() == "layers[:7]"
    assert page.locator(".tint").bounding_box()["width"] == pytest.approx(x_of(page, 7) - x_of(page, 0) + SIDE, abs=1)
    values = [handle(page).get_attribute(f"aria-value{name}") for name in ("min", "max", "now", "text")]
    assert values == ["0", "9", "7", "layers[:7], to the end of block 2"]


def test_dragged_it_goes_from_block_end_to_block_end(page, view):
    show(page, view)
    drag(page, x_of(page, 5), x_of(page, 4.4))
    assert freeze(page) == 4
    assert page.locator(".tag").inner_text() == "layers[:4]"
    drag(page, x_of(page, 30))
    assert freeze(page) == 9, "the old head is beyond"
    drag(page, x_of(page, -9))
    assert freeze(page) == 0


def test_without_snapping_it_goes_from_layer_to_layer(page, view):
    view.fine_tuning.snap = False
    show(page, view)
    drag(page, x_of(page, 5.2))
    assert freeze(page) == 5
    assert handle(page).get_attribute("aria-valuetext") == "layers[:5], inside block 2"


def test_it_is_moved_by_keys(page, view):
    show(page, view)
    handle(page).focus()
    for key, index in {
        "ArrowLeft": 4,
        "Shift+ArrowRight": 5,
        "ArrowUp": 7,
        "Shift+ArrowDown": 6,
        "PageDown": 4,
        "PageUp": 7,
        "End": 9,
        "ArrowRight": 9,
        "Home": 0,
    }.items():
        page.keyboard.press(key)
        assert (key, freeze(page)) == (key, index)
    assert page.evaluate('window.model.get("layer")') == view.layer, "the selected layer is another matter"


def test_what_python_says_late_does_not_pull_it_back(page, view):
    show(page, view)
    box = handle(page).bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(x_of(page, 4), box["y"])
    assert freeze(page) == 4
    page.evaluate('window.model.set("freeze", 7)')
    assert page.locator(".tag").inner_text() == "layers[:4]"
    page.mouse.up()
    page.evaluate('window.model.set("freeze", 1)')
    assert page.locator(".tag").inner_text() == "layers[:1]", "moved elsewhere on the page"


def test_a_finger_drags_it_too(page, view):
    show(page, view)
    assert handle(page).evaluate("(one) => getComputedStyle(one).touchAction") == "none"
    page.evaluate(
        """([x]) => {
          const one = document.querySelector(".handle"), box = one.getBoundingClientRect();
          one.setPointerCapture = () => {};
          const finger = { pointerType: "touch", pointerId: 5, clientY: box.y, bubbles: true };
          const tell = (name, clientX) => one.dispatchEvent(new PointerEvent(name, { ...finger, clientX }));
          tell("pointerdown", box.x + box.width / 2);
          tell("pointermove", x);
          tell("pointerup", x);
        }""",
        [x_of(page, 4)],
    )
    assert freeze(page) == 4


def test_zoomed_in_the_line_out_of_sight_is_pointed_at_and_found_again(page, long_view):
    show(page, long_view)
    assert freeze(page) == 230
    for _again in range(3):
        page.get_by_role("button", name="Closer").click()
    assert page.locator(".tag").inner_text() == "layers[:230] ▸"
    assert page.locator(".stroke").is_hidden()
    page.locator(".tag").click()
    assert page.locator(".tag").inner_text() == "layers[:230]"
    box, strip = handle(page).bounding_box(), page.locator(".strip").bounding_box()
    assert box["x"] + box["width"] / 2 == pytest.approx(strip["x"] + strip["width"] / 2, abs=2)


def test_by_keys_the_line_stays_in_sight(page, long_view):
    show(page, long_view)
    for _again in range(3):
        page.get_by_role("button", name="Closer").click()
    handle(page).focus()
    assert page.locator(".stroke").is_visible()
    page.keyboard.press("Home")
    assert page.locator(".tag").inner_text() == "layers[:0]"
    assert page.locator(".stroke").is_visible()


def test_dragged_beyond_the_edge_the_strip_comes_along(page, long_view):
    show(page, long_view)
    for _again in range(3):
        page.get_by_role("button", name="Closer").click()
    handle(page).focus()
    box, strip = handle(page).bounding_box(), page.locator(".strip").bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(strip["x"] + strip["width"] + 30, box["y"])
    page.wait_for_function("""document.querySelector(".tag").textContent === "layers[:300]" """)
    page.mouse.up()
    assert freeze(page) == 300


def test_bars_inside_a_nested_model_are_frozen_with_it(page):
    view = strip_of(lambda spec: network(spec, layers=NESTED))
    view.fine_tuning.freeze_at(2)
    show(page, view)
    box = handle(page).bounding_box()
    assert box["x"] + box["width"] / 2 == pytest.approx(x_of(page, 3, bars=5), abs=1)


def test_evidence_lies_below_the_bars_and_a_click_freezes_there(page, view):
    view.fine_tuning.data = DATA
    view.fine_tuning.request_probes()
    show(page, view)
    assert page.locator(".about .now").inner_text().startswith("to the end of block 2: probe accuracy 85.0 ± 2.0 %")
    assert "probe accuracy" in handle(page).get_attribute("aria-valuetext")
    listed = page.get_by_role("list", name="Evidence for the freeze line").get_by_role("listitem")
    assert [text.split(":")[0] for text in listed.all_inner_texts()] == [
        f"to the end of {name}" for name in ("stem", "block 1", "block 2", "block 3")
    ]
    chart = page.locator(".evidence canvas").bounding_box()
    page.mouse.click(x_of(page, 4), chart["y"] + 20)
    assert freeze(page) == 4
    assert page.locator(".about .now").inner_text().startswith("to the end of block 1")
    painted = """(canvas) => {
      const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const found = new Set();
      for (let at = 0; at < data.length; at += 4) if (data[at + 3] && data[at + 2] > 150 && data[at] < 60) found.add((at / 4) % width);
      return [...found];
    }"""
    columns = page.locator(".evidence canvas").evaluate(painted)
    assert min(columns) + chart["x"] == pytest.approx(x_of(page, 1), abs=5)
    assert max(columns) + chart["x"] == pytest.approx(x_of(page, 9), abs=5)


def test_a_click_on_the_bars_still_selects(page, view):
    show(page, view)
    page.mouse.click(x_of(page, 4.5), page.locator(".strip").bounding_box()["y"] + 80)
    assert page.evaluate('window.model.get("layer")') == 4
    assert freeze(page) == 7


COLOURS = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const found = new Set();
  for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) found.add(data.slice(at, at + 3).join());
  return [...found];
}"""
LIGHT, DARK = "0,114,178", "59,157,221"  # of convolutions


def test_the_strip_is_drawn_anew_in_the_colours_of_another_theme_and_in_its_right_size(page, view):
    show(page, view)
    canvas = page.locator(".strip canvas")
    assert LIGHT in canvas.evaluate(COLOURS)
    page.evaluate(
        """new Promise((done) => {
          const frame = () => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
          document.body.style.setProperty("--jp-ui-font-color0", "#eee"); // as JupyterLab: the style sheets come first, ...
          document.getElementById("view").addEventListener("transitionend", async () => {
            await frame();
            document.body.dataset.jpThemeLight = "false"; // ... then it says that it is dark, and measures are others meanwhile
            document.body.style.width = "300px";
            document.body.offsetWidth;
            document.body.style.width = "";
            done(frame());
          });
        })"""
    )
    colours = canvas.evaluate(COLOURS)
    assert DARK in colours
    assert LIGHT not in colours
    assert canvas.evaluate("(one) => one.width") == round(page.locator(".strip").bounding_box()["width"])

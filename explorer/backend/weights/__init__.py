"""The pretrained weights: finding, downloading and checking their files, and packing them for machines without network."""

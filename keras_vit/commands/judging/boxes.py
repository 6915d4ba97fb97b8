"""What `evaluate` prints of boxes."""

from keras_vit.common.wording import interval, percent


def print_boxes(result):
    """One evaluation of boxes as text."""
    images, objects = result.num_images, result.num_objects
    print(f"data: {result.data}, {images} images with {objects} objects")
    shares = result.to_json()
    for name, bounds in result.intervals.items():
        after = "" if bounds is None else interval(bounds)
        print(f"{name}: {percent(shares[name])}{after}")
    print(result)

"""Small pictures of images, for pages with thousands of them."""

from keras_vit.common.figures import image_address

SIDE = 96  # pixels; about 2 kB each


def thumbnail(pixels):
    """A `uint8` array `(H, W, 1 or 3)`, or a Pillow image, as a small JPEG's address.

    Returns:
        String, `data:image/jpeg;base64,...`.
    """
    from PIL import Image

    if not hasattr(pixels, "getexif"):
        pixels = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    small = pixels.copy() if max(pixels.size) <= SIDE else pixels
    small.thumbnail((SIDE, SIDE))
    return image_address(small.convert("RGB"), "JPEG", quality=60)

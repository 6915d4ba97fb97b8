"""One decoder: TensorFlow's and Pillow's pixels are the same."""

import io
import sys

import numpy as np
import pytest
import tensorflow as tf
from pictures import encode, picture
from PIL import Image

from keras_vit.data.decoding import jpeg_png, pillow

COLOUR, GREY = picture(), picture(channels=1)
ALPHA = np.dstack([COLOUR, picture(channels=1, seed=5)])


def exif(tag):
    data = Image.Exif()
    data[0x0112] = tag
    return data


FILES = {
    "jpeg": encode(COLOUR, "JPEG"),
    "jpeg grey": encode(GREY, "JPEG"),
    "jpeg progressive": encode(COLOUR, "JPEG", progressive=True, quality=60),
    "jpeg cmyk": encode(Image.fromarray(COLOUR).convert("CMYK"), "JPEG"),
    "png": encode(COLOUR),
    "png grey": encode(GREY),
    "png black and white": encode(Image.fromarray(GREY).convert("1")),
    "png 16 bit": encode(GREY.astype(np.uint16) * 257),
    "png palette": encode(Image.fromarray(COLOUR).quantize(32)),
    "png palette with a transparent colour": encode(
        Image.fromarray(COLOUR).quantize(32), transparency=3
    ),
    "png alpha": encode(ALPHA),
    "png grey alpha": encode(Image.fromarray(ALPHA).convert("LA")),
    "webp": encode(COLOUR, "WEBP"),
    "webp lossless": encode(COLOUR, "WEBP", lossless=True),
    "webp alpha": encode(ALPHA, "WEBP"),
    "webp animation": encode(
        COLOUR, "WEBP", save_all=True, append_images=[Image.fromarray(COLOUR[::-1])]
    ),
    "webp rotated": encode(COLOUR, "WEBP", exif=exif(6)),
    "gif": encode(COLOUR, "GIF"),
    "gif animation": encode(
        COLOUR, "GIF", save_all=True, append_images=[Image.fromarray(COLOUR[::-1])]
    ),
    "bmp": encode(COLOUR, "BMP"),
    "bmp palette": encode(Image.fromarray(COLOUR).quantize(32), "BMP"),
    "tiff": encode(COLOUR, "TIFF"),
}
FILES |= {f"jpeg exif {i}": encode(COLOUR, "JPEG", exif=exif(i)) for i in range(1, 9)}


@pytest.fixture(scope="module")
def traced():
    signature = [tf.TensorSpec([], tf.string)]
    return tf.function(jpeg_png.decode, input_signature=signature)


@pytest.mark.parametrize("kind", FILES)
def test_decoders_agree_eagerly_in_graphs_and_with_pillow(kind, traced):
    pillow = jpeg_png.pillow_pixels(FILES[kind])
    eager = jpeg_png.decode(tf.constant(FILES[kind])).numpy()
    assert eager.dtype == np.uint8 and eager.shape == pillow.shape
    assert (eager == pillow).all()
    assert (traced(FILES[kind]).numpy() == eager).all()


@pytest.mark.parametrize("tag", range(1, 9))
def test_exif_rotation_is_applied(tag):
    upright = {
        1: COLOUR,
        2: COLOUR[:, ::-1],
        3: COLOUR[::-1, ::-1],
        4: COLOUR[::-1],
        5: COLOUR.transpose(1, 0, 2),
        6: np.rot90(COLOUR, -1),
        7: COLOUR[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(COLOUR),
    }[tag]
    found = jpeg_png.decode(tf.constant(FILES[f"jpeg exif {tag}"])).numpy()
    np.testing.assert_allclose(found.astype(int), upright, atol=40)


def test_animations_give_their_first_frame():
    for kind in ("gif animation", "webp animation"):
        found = jpeg_png.decode(tf.constant(FILES[kind])).numpy().astype(int)
        assert np.abs(found - COLOUR).mean() < 12


def test_transparency_shows_white():
    clear = np.dstack([COLOUR, np.zeros_like(GREY)])
    found = jpeg_png.decode(tf.constant(encode(clear)))
    assert (found.numpy() == 255).all()


def test_sixteen_bits_become_eight():
    found = jpeg_png.decode(tf.constant(FILES["png 16 bit"])).numpy()
    assert (found[..., 0] == GREY).all()


def test_heic_is_read_where_pillow_heif_is_installed():
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    data = encode(COLOUR, "HEIF", quality=100)
    found = jpeg_png.decode(tf.constant(data)).numpy().astype(int)
    assert found.shape == COLOUR.shape and np.abs(found - COLOUR).mean() < 4


def test_heic_without_pillow_heif_names_the_install_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    data = b"\0\0\0\x18ftypheic" + bytes(20)
    with pytest.raises(ValueError, match=r"keras-vision-transformer\[heic\]"):
        jpeg_png.pillow_pixels(data)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "gif", "bmp", "tiff"])
@pytest.mark.parametrize("keep", [0, 20, 0.5])
def test_broken_files_are_errors(kind, keep):
    data = FILES[kind]
    data = data[: int(len(data) * keep) if isinstance(keep, float) else keep]
    with pytest.raises((ValueError, tf.errors.OpError)):
        jpeg_png.decode(tf.constant(data))


def test_text_is_no_image():
    with pytest.raises((ValueError, tf.errors.OpError), match="not an image"):
        jpeg_png.decode(tf.constant(b"hello"))


@pytest.mark.parametrize("static", [True, False])
def test_channels_are_converted(static):
    shape = (None, None, 3 if static else None)
    traced = tf.function(
        lambda x: jpeg_png.to_channels(x, 1),
        input_signature=[tf.TensorSpec(shape, tf.uint8)],
    )
    grey = traced(COLOUR).numpy()
    pillow = np.asarray(Image.fromarray(COLOUR).convert("L"))
    assert grey.shape == (24, 32, 1) and grey.dtype == np.uint8
    assert np.abs(grey[..., 0].astype(int) - pillow).max() <= 1
    colour = jpeg_png.to_channels(tf.constant(GREY[..., None]), 3).numpy()
    assert (colour == GREY[..., None]).all() and colour.shape == (24, 32, 3)


# Windows ------------------------------------------------------------------------------

JPEGS = {
    "4:4:4": dict(subsampling=0),
    "4:2:2": dict(subsampling=1),
    "4:2:0": dict(subsampling=2),
    "progressive": dict(progressive=True),
    "grey": {},
    "CMYK": {},
    "turned": {},
}


def jpeg(kind, height, width):
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))
    image = image.convert({"grey": "L", "CMYK": "CMYK"}.get(kind, "RGB"))
    options = dict(JPEGS[kind])
    if kind == "turned":
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = 6
    return encode(image, "JPEG", quality=90, **options)


@pytest.mark.parametrize("kind", JPEGS)
def test_a_window_has_the_pixels_of_the_whole(kind):
    rng = np.random.default_rng(1)
    for height, width in ((37, 53), (150, 131)):
        data = jpeg(kind, height, width)
        whole = jpeg_png.decode(data).numpy()
        for _ in range(10):
            (top, bottom), (left, right) = (
                sorted(rng.choice(length + 1, 2, replace=False))
                for length in whole.shape[:2]
            )
            box = tf.constant([top, left, bottom - top, right - left], tf.int32)
            part = jpeg_png.decode_window(data, lambda h, w: box, 3)  # noqa: B023
            expected = jpeg_png.to_channels(whole[top:bottom, left:right], 3)
            np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize("kind", FILES)
def test_every_format_has_windows(kind):
    whole = jpeg_png.decode(FILES[kind]).numpy()
    seen = []

    def window(height, width):
        seen.append((int(height), int(width)))
        return tf.constant([1, 2, 3, 4])

    part = jpeg_png.decode_window(FILES[kind], window)
    assert seen == [whole.shape[:2]]
    np.testing.assert_array_equal(part, whole[1:4, 2:6])


def test_a_file_that_ends_early_is_an_error_wherever_the_window_is():
    data = jpeg("4:2:0", 200, 200)
    for end in (len(data) // 2, len(data) * 9 // 10):
        with pytest.raises((tf.errors.OpError, ValueError)):
            jpeg_png.decode_window(data[:end], lambda h, w: tf.constant([0, 0, 8, 8]))


def test_a_file_said_to_be_upright_is_cut_while_decoding(monkeypatch):
    image, tag = picture(64, 80), Image.Exif()
    tag[0x0112] = 1
    tagged, plain = encode(image, "JPEG", exif=tag), encode(image, "JPEG")
    assert b"Exif" in tagged[:64] and b"Exif" not in plain

    def unwanted(*arguments):
        raise AssertionError("Pillow was asked")

    monkeypatch.setattr(jpeg_png, "pillow_pixels", unwanted)
    monkeypatch.setattr(jpeg_png, "pillow_size", unwanted)
    window = lambda height, width: tf.constant([5, 6, 40, 50])  # noqa: E731
    part = jpeg_png.decode_window(tagged, window)
    np.testing.assert_array_equal(part, jpeg_png.decode_window(plain, window))
    np.testing.assert_array_equal(part, jpeg_png.decode(plain)[5:45, 6:56])


# What is large, slow, or broken beside its pixels -------------------------------------


@pytest.mark.parametrize("kind", FILES)
def test_large_images_are_converted_in_strips_to_the_same_pixels(kind, monkeypatch):
    whole = pillow.pillow_pixels(FILES[kind])
    monkeypatch.setattr(pillow, "PIXELS_AT_ONCE", 100)  # three rows of most
    assert (pillow.pillow_pixels(FILES[kind]) == whole).all()


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_large_images_are_made_grey_as_all_others_are(kind, monkeypatch):
    usual = jpeg_png.decode(FILES[kind], 1).numpy()
    monkeypatch.setattr(pillow, "LARGE", 100)
    monkeypatch.setattr(pillow, "PIXELS_AT_ONCE", 100)
    monkeypatch.setattr(jpeg_png, "LARGE", 100)
    found = pillow.pillow_pixels(FILES[kind], 1)
    assert found.shape == usual.shape == (24, 32, 1)
    assert np.abs(found.astype(int) - usual).max() <= 1  # at a half, sums decide
    assert (jpeg_png.decode(FILES[kind], 1).numpy() == found).all()


def test_a_jpeg_of_many_scans_is_refused_and_two_bytes_by_chance_are_not():
    data = FILES["jpeg progressive"]
    scan = data.rindex(b"\xff\xda")
    many = data[:-2] + data[scan:-2] * 200 + data[-2:]
    with pytest.raises(
        (ValueError, tf.errors.OpError), match=r"scans, more than .* 100"
    ):
        jpeg_png.decode(many)
    film = data + b"\xff\xda" * 500  # behind the image, as phones keep a film there
    expected = np.asarray(Image.open(io.BytesIO(data)))
    assert (jpeg_png.decode(film).numpy() == expected).all()


@pytest.mark.parametrize("tag", [3, 6])
def test_tiff_files_are_turned_once(tag):
    data = encode(COLOUR, "TIFF", tiffinfo={0x0112: tag})
    upright = {3: COLOUR[::-1, ::-1], 6: np.rot90(COLOUR, -1)}[tag]
    assert (jpeg_png.decode(data).numpy() == upright).all()
    box = tf.constant([3, 2, 20, 19])
    seen = []
    part = jpeg_png.decode_window(
        data, lambda h, w: seen.append((int(h), int(w))) or box
    )
    assert seen == [upright.shape[:2]] and (part == upright[3:23, 2:21]).numpy().all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "block", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff", b"Exif\0\0MM\0*"]
)
def test_a_broken_exif_block_does_not_break_the_picture(kind, block):
    data = encode(COLOUR, kind, exif=block)
    plain = Image.open(io.BytesIO(encode(COLOUR, kind)))
    assert (jpeg_png.decode(data).numpy() == np.asarray(plain)).all()


def test_a_program_is_not_run():
    with pytest.raises((ValueError, tf.errors.OpError), match="PostScript"):
        jpeg_png.decode(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")

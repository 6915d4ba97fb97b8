"""Draws image files by a seed: harmless, damaged and hostile ones, in many formats."""

import io
import os
import random
import struct
import zlib

import numpy as np
from PIL import Image

SIZE = (40, 56)  # height, width
FORMATS = ("JPEG", "PROGRESSIVE", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "PPM")
FORMATS += ("JPEG2000", "TGA", "ICO")
HARMLESS, DAMAGED, HOSTILE = "harmless", "damaged", "hostile"
ENDINGS = (".png", ".jpg", ".webp", ".gif", ".tiff", ".bmp")


def picture(rng):
    height, width = SIZE
    y, x = np.mgrid[:height, :width]
    waves = [
        127 + 110 * np.sin(rng.uniform(0.05, 0.3) * (x + y * c)) for c in (1, 2, 3)
    ]
    return Image.fromarray(np.stack(waves, -1).astype(np.uint8))


def encode(image, kind, **options):
    if kind == "PROGRESSIVE":
        kind, options = "JPEG", {"progressive": True, **options}
    if kind == "ICO":
        options = {"sizes": [image.size], **options}
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def harmless(rng):
    """`{name: bytes}` of images that are odd and right."""
    image = picture(rng)
    grey, clear = image.convert("L"), image.copy()
    clear.putalpha(grey)
    exif = Image.Exif()
    exif[0x0112] = rng.randrange(1, 9)
    half = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    made = {f"plain {kind}": encode(image, kind) for kind in FORMATS}
    made |= {f"grey {k}": encode(grey, k) for k in FORMATS if k not in ("ICO", "AVIF")}
    for kind in ("JPEG", "PROGRESSIVE", "PNG", "WEBP", "TIFF", "AVIF"):
        made[f"turned {kind}"] = encode(image, kind, exif=exif)
        made[f"broken profile {kind}"] = encode(image, kind, icc_profile=b"\0" * 200)
    for kind in ("JPEG", "PNG", "WEBP"):
        made[f"broken EXIF {kind}"] = encode(image, kind, exif=b"Exif\0\0II*\0\xff\xff")
    for kind in ("PNG", "WEBP", "TIFF", "TGA"):
        made[f"clear {kind}"] = encode(clear, kind)
    for kind in ("GIF", "WEBP", "PNG", "TIFF", "AVIF"):
        made[f"animated {kind}"] = encode(
            image, kind, save_all=True, append_images=[half]
        )
    for kind in ("JPEG", "TIFF"):
        made[f"CMYK {kind}"] = encode(image.convert("CMYK"), kind)
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    for kind in ("PNG", "TIFF"):
        made[f"16 bit {kind}"] = encode(deep, kind)
        made[f"bits {kind}"] = encode(grey.convert("1"), kind)
        made[f"palette {kind}"] = encode(image.quantize(16), kind)
        made[f"grey clear {kind}"] = encode(clear.convert("LA"), kind)
    for packing in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg"):
        made[f"{packing} TIFF"] = encode(image, "TIFF", compression=packing)
    made["film behind JPEG"] = encode(image, "JPEG") + b"\xff\xda" * 400
    made["thin PNG"] = encode(image.resize((3000, 1)), "PNG")
    made["one pixel GIF"] = encode(image.resize((1, 1)), "GIF")
    made["bilevel panorama PNG"] = encode(Image.new("1", (9000, 8000)), "PNG")
    return made


def damaged(rng):
    """Bytes that got lost or changed: an error, or what Pillow makes of it."""
    made, image = {}, picture(rng)
    for kind in FORMATS:
        data = encode(image, kind)
        made[f"cut {kind}"] = data[: int(len(data) * rng.random())]
        made[f"end cut {kind}"] = data[: -rng.randrange(1, 40)]
        for how, begin, end in (("head", 2, 64), ("middle", 64, len(data))):
            changed = bytearray(data)
            for _ in range(rng.choice((1, 3, 9))):
                changed[rng.randrange(begin, min(end, len(data)))] ^= (
                    1 << rng.randrange(8)
                )
            made[f"{how} flipped {kind}"] = bytes(changed)
        place = rng.randrange(12, len(data))
        made[f"zeros in {kind}"] = data[:place] + bytes(60) + data[place + 60 :]
    for kind in ("JPEG", "PROGRESSIVE"):
        made[f"claims 2000 x 2000 {kind}"] = _claimed_jpeg(encode(image, kind), 2000)
    return made


def png(width, height, rows=b"", depth=8, colour=2, chunks=b""):
    def chunk(name, data):
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = chunk(b"IHDR", head) + chunks + chunk(b"IDAT", zlib.compress(rows, 9))
    return b"\x89PNG\r\n\x1a\n" + data + chunk(b"IEND", b"")


def hostile(rng):
    """What must be an error of the file."""
    image = picture(rng)
    jpeg, wave = encode(image, "JPEG"), encode(image, "PROGRESSIVE")
    made = {
        "nothing": b"",
        "zero": bytes(rng.randrange(1, 9000)),
        "text": b"hello\n" * 9,
    }
    made["page"] = b"<!DOCTYPE html><html>404</html>" * 40
    made["noise"] = rng.randbytes(5000)
    made["program"] = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 90 90\n"
    made["vector"] = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
    made["archive"] = b"PK\3\4" + bytes(500)
    for kind, data in (("JPEG", jpeg), ("PNG", encode(image, "PNG"))):
        made[f"head only {kind}"] = data[:8]
        made[f"text in the clothes of {kind}"] = data[:4] + b"text " * 50
    for width, height in ((60_000, 60_000), (2**31 - 1, 2**31 - 1), (14_000, 14_200)):
        made[f"claims {width} x {height} PNG"] = png(width, height)
        data = bytearray(encode(image, "BMP"))
        data[18:26] = struct.pack("<ii", width, height)
        made[f"claims {width} x {height} BMP"] = bytes(data)
        data = bytearray(encode(image, "TIFF"))
        made[f"claims {width} x {height} TIFF"] = _claimed(data, width, height)
        side = min(width, 65_500)
        if side > 20_000:  # smaller ones are read as images with much missing
            made[f"claims {side} x {side} JPEG"] = _claimed_jpeg(jpeg, side)
            made[f"claims {side} x {side} PROGRESSIVE"] = _claimed_jpeg(wave, side)
        data = bytearray(encode(image, "GIF"))
        data[6:10] = struct.pack("<HH", side, side)
        at = data.find(b"\x2c", 13 + 3 * 256)
        data[at + 5 : at + 9] = struct.pack("<HH", side, side)
        made[f"claims {side} x {side} GIF"] = bytes(data)
    made["bomb PNG"] = png(20_000, 20_000, bytes(20_000 * 2501), 1, 0)
    made["bomb of colours PNG"] = png(30_000, 30_000, bytes(10**8))
    made["rows missing PNG"] = png(56, 40, bytes(100))
    for size in ("0 0", "-5 5", "99999999 99999999", "x y"):
        made[f"claims {size} PPM"] = f"P6 {size} 255\n".encode()
    scan = wave.rindex(b"\xff\xda")
    made["2,000 scans JPEG"] = wave[:-2] + wave[scan:-2] * 2000 + wave[-2:]
    made["float TIFF"] = encode(Image.fromarray(np.ones(SIZE, "f4")), "TIFF")
    made["32 bit TIFF"] = encode(Image.fromarray(np.ones(SIZE, "i4")), "TIFF")
    made["short AVIF"] = encode(image, "AVIF")[:-300]
    for what in ("pipe", "device", "dangling", "loop", "socket", "sparse"):
        made[f"no file: {what}"] = what
    return made


def _claimed_jpeg(data, side):
    data, at = bytearray(data), max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    data[at + 5 : at + 9] = struct.pack(">HH", side, side)
    return bytes(data)


def _claimed(data, width, height):
    """A TIFF file whose tags 256 and 257 say another size."""
    at = struct.unpack_from("<I", data, 4)[0]
    for entry in range(struct.unpack_from("<H", data, at)[0]):
        place = at + 2 + 12 * entry
        tag = struct.unpack_from("<H", data, place)[0]
        if tag in (256, 257):
            value = width if tag == 256 else height
            struct.pack_into("<HII", data, place + 2, 4, 1, value)
    return bytes(data)


def draw(count, seed):
    """`(number, name, kind, content)`: a third of each kind, each once before twice."""
    rng, drawn = random.Random(seed), []
    makers = ((HARMLESS, harmless), (DAMAGED, damaged), (HOSTILE, hostile))
    for place, (kind, make) in enumerate(makers):
        wanted, cases = count // 3 + (place < count % 3), []
        while len(cases) < wanted:
            fresh = [(name, kind, content) for name, content in make(rng).items()]
            rng.shuffle(fresh)
            cases += fresh
        drawn += cases[:wanted]
    rng.shuffle(drawn)
    return [(number, *case) for number, case in enumerate(drawn)]


def write(path, content):
    """Writes a file, or what is none."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "pipe":
        os.mkfifo(path)
    elif content == "socket":
        os.mknod(path, 0o140644)
    elif content == "sparse":
        with open(path, "wb") as file:
            file.truncate(2**40)
    else:
        target = {"device": "/dev/zero", "dangling": "moved-away", "loop": path.name}
        path.symlink_to(target[content])


def ending(number):
    return ENDINGS[number % len(ENDINGS)]

"""The description of the addresses by OpenAPI 3.1, as a dictionary."""

from keras_vit._version import __version__
from keras_vit.inference.predicting import TOP
from keras_vit.serving.answering import PICTURED

STATUSES = {
    "400": "The form cannot be read.",
    "403": "A page of another site sent the request.",
    "408": "The upload was too slow.",
    "413": "The upload has too many bytes, or the image too many pixels.",
    "415": "The upload is no image of a known format.",
    "422": "There is no file, the image is damaged, or a parameter is wrong.",
    "500": "The model could not compute an answer.",
    "503": "Too many requests are waiting; Retry-After says when to come back.",
    "504": "The answer took too long.",
}


def specification(title, answers, limits):
    """The OpenAPI description of a server.

    Args:
        title: String, what the model is called.
        answers: An `Answers`.
        limits: `Limits`.
    """
    takes = (
        f"One image of at most {limits.megabytes:g} MB and {limits.megapixels:g} "
        "million pixels: the bytes themselves, or a form with one file. JPEG, PNG, "
        "WebP, GIF (first frame), BMP, TIFF; turned as its EXIF data ask."
    )
    paths = {
        "/predict": {
            "post": _post("What the model finds in an image", takes, _found(answers))
        },
        "/model": {
            "get": _get("The model, its classes and the server's limits", _MODEL)
        },
    }
    parameters = paths["/predict"]["post"]["parameters"]
    if answers.kind in PICTURED:
        schema = {"type": "boolean", "default": False}
        what = f"Whether to add a picture: {PICTURED[answers.kind]}."
        parameters.append(_parameter("picture", what, schema))
    else:
        schema = {"type": "integer", "minimum": 1, "default": TOP}
        what = "The number of classes, the most probable first."
        if answers.several:
            del schema["default"]
            what += " By default all that are above their thresholds, perhaps none."
        parameters.append(_parameter("top", what, schema))
    if answers.why_no_explanation() is None:
        view = {"title": _TEXT, "note": _TEXT, "picture": _ADDRESS}
        given = {
            "file": _TEXT,
            "views": _list(_object(view)),
            "not_offered": _list(_TEXT),
        }
        summary = "What the model looks at in an image"
        paths["/explain"] = {"post": _post(summary, takes, _object(given))}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"keras_vit: {title}",
            "version": __version__,
            "description": f"Answers as those of `keras-vit predict`. Up to "
            f"{limits.queue} requests wait at a time, each at most "
            f"{limits.seconds:g} seconds.",
        },
        "paths": paths,
    }


_TEXT, _NUMBER = {"type": "string"}, {"type": "number"}
_WHOLE = {"type": "integer"}
_ADDRESS = {"type": "string", "description": "An image as a data: URL."}


def _object(properties):
    return {"type": "object", "properties": properties}


def _list(items):
    return {"type": "array", "items": items}


_MODEL = _object(
    {
        **{"model": _TEXT, "version": _TEXT, "gives": _TEXT, "classes": _list(_TEXT)},
        **{"megabytes": _NUMBER, "megapixels": _NUMBER, "seconds": _NUMBER},
        **{"queue": _WHOLE, "inside": _WHOLE},
    }
)


def _found(answers):
    """What `/predict` gives, by the kind of the model."""
    named = {"class": {"type": "string", "enum": answers.class_names[:1000]}}
    size = {"file": _TEXT, "height": _WHOLE, "width": _WHOLE, "picture": _ADDRESS}
    if answers.kind == "pixels":
        classes = _list(_object({**named, "share": _NUMBER}))
        return _object({**size, "classes": classes, "mask": _ADDRESS})
    if answers.kind == "boxes":
        box = {"type": "array", "items": _NUMBER, "minItems": 4, "maxItems": 4}
        box["description"] = "Left, top, right, bottom, in pixels."
        objects = _list(_object({**named, "score": _NUMBER, "box": box}))
        return _object({**size, "objects": objects})
    classes = _list(_object({**named, "probability": _NUMBER}))
    return _object({"file": _TEXT, "classes": classes})


def _parameter(name, description, schema):
    where = {"name": name, "in": "query", "required": False}
    return {**where, "description": description, "schema": schema}


def _get(summary, schema):
    return {"summary": summary, "responses": {"200": _response("The answer", schema)}}


def _post(summary, takes, schema):
    binary = {"type": "string", "contentMediaType": "application/octet-stream"}
    form = _object({"file": binary})
    body = {"image/*": {"schema": binary}, "multipart/form-data": {"schema": form}}
    error = _object({"error": _TEXT, "status": _WHOLE})
    refused = {status: _response(why, error) for status, why in STATUSES.items()}
    return {
        "summary": summary,
        "parameters": [],
        "requestBody": {"required": True, "description": takes, "content": body},
        "responses": {"200": _response("The answer", schema), **refused},
    }


def _response(description, schema):
    content = {"application/json": {"schema": schema}}
    return {"description": description, "content": content}

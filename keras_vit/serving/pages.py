"""The pages of a server: where to drop a photo, and what programs can ask."""

import json

from keras_vit.common.pages import escaped, html_page

_STYLE = """
#drop { display: block; border: 2px dashed var(--line); border-radius: .6rem;
  background: var(--card); padding: 2rem 1rem; text-align: center; cursor: pointer; }
#drop.over, #drop:focus-within { border-color: var(--text); }
#photo { max-width: 100%; max-height: 26rem; border-radius: .3rem; margin-top: 1rem; }
meter { width: 12rem; max-width: 40vw; }
button { font: inherit; padding: .3rem .9rem; margin: 1rem 0; }
.views { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); }
.views img { width: 100%; border-radius: .3rem; }
[role=alert]:not(:empty) { border-left: 4px solid #c4320a; padding: .3rem .8rem; }
code { overflow-wrap: anywhere; } pre { overflow-x: auto; }
"""
_WORDS = {
    "classes": "to see its classes",
    "pixels": "to see the class of every pixel",
    "boxes": "to see the objects in it",
}


def front(title, answers, limits):
    """The page for people, which `page.js` makes work.

    Args:
        title: String, what the model is called.
        answers: An `Answers`.
        limits: `Limits`.
    """
    explains = answers.why_no_explanation() is None
    facts = {"gives": answers.kind, "explains": explains, "bytes": limits.max_bytes}
    count = len(answers.class_names)
    parts = [
        f"<main data-facts='{escaped(json.dumps(facts))}'>",
        f"<h1>{escaped(title)}</h1>",
        f"<p>{count:,} classes. Drop a photo {_WORDS[answers.kind]}.</p>",
        "<label id='drop'>Drop a photo here, paste it, or choose a file<br>"
        "<input id='file' type='file' accept='image/*'></label>",
        "<p id='status' role='status'></p><p id='problem' role='alert'></p>",
        "<img id='photo' alt='' hidden>",
        "<div id='found' class='wide'></div>",
        "<button id='explain' type='button' hidden>What does it look at?</button>",
        "<div id='views' class='views'></div>",
        f"<p class='note'>Up to {limits.megabytes:g} MB and {limits.megapixels:g} "
        "million pixels. Nothing is kept. Programs: <a href='docs'>documentation</a>, "
        "<a href='openapi.json'>OpenAPI</a>.</p>",
        "<script src='page.js'></script></main>",
    ]
    return html_page(title, parts, _STYLE)


def documentation(specification, address):
    """An OpenAPI description as a page that needs nothing from elsewhere.

    Args:
        specification: Dictionary; see `openapi.specification`.
        address: String, the server's own, with a slash at its end.
    """
    predict = escaped(f"{address}predict")
    info = specification["info"]
    parts = [
        f"<h1>{escaped(info['title'])}</h1>",
        f"<p>{escaped(info['description'])} The same as "
        "<a href='openapi.json'>openapi.json</a>; <a href='.'>try it</a>.</p>",
        "<pre>curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg' "
        f"{predict}\ncurl -F file=@photo.jpg {predict}</pre>",
    ]
    for path, methods in specification["paths"].items():
        for method, what in methods.items():
            parts += _operation(path, method, what)
    return html_page(info["title"], parts, _STYLE)


def _operation(path, method, what):
    yield f"<h2><code>{method.upper()} {escaped(path)}</code></h2>"
    yield f"<p>{escaped(what['summary'])}.</p>"
    body = what.get("requestBody")
    if body is not None:
        kinds = ", ".join(f"<code>{escaped(kind)}</code>" for kind in body["content"])
        yield f"<p>Takes {kinds}. {escaped(body['description'])}</p>"
    rows = [
        f"<tr><td class='text'><code>{escaped(each['name'])}</code></td>"
        f"<td class='text'>{escaped(each['description'])}</td>"
        f"<td>{escaped(each['schema'].get('default', ''))}</td></tr>"
        for each in what.get("parameters", ())
    ]
    if rows:
        head = "<th>parameter</th><th class='text'></th><th>default</th>"
        yield f"<table><thead><tr>{head}</tr></thead>{''.join(rows)}</table>"
    answer = what["responses"]["200"]["content"]["application/json"]["schema"]
    yield f"<p>Gives <code>{escaped(_shape(answer))}</code></p>"
    if len(what["responses"]) > 1:
        items = (
            f"<tr><td>{status}</td><td class='text'>{escaped(each['description'])}"
            "</td></tr>"
            for status, each in what["responses"].items()
            if status != "200"
        )
        yield (
            '<p>Other statuses come with <code>{"error": a sentence, "status": '
            f"number}}</code>.</p><table>{''.join(items)}</table>"
        )


def _shape(schema):
    """A schema in a line, such as `{"file": string, "classes": [...]}`."""
    if schema["type"] == "array":
        return f"[{_shape(schema['items'])}, ...]"
    if schema["type"] != "object":
        return schema["type"]
    named = (f'"{name}": {_shape(of)}' for name, of in schema["properties"].items())
    return "{" + ", ".join(named) + "}"

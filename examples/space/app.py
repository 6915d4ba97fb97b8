"""A page for a trained model, as Hugging Face Spaces run it: `python app.py`."""

import html
import os
import pathlib

import gradio

from keras_vit.serving.answering import Answers, picture_of

answers = Answers(os.environ.get("MODEL", "model.keras"))
of_classes = answers.kind == "classes"
FIGURE = "<figure><img src='{picture}' alt=''><p>{title}: {note}</p></figure>"


def ask(photo, question):
    (found,) = question([pathlib.Path(photo).read_bytes()])
    return found


def predict(photo):
    found = ask(photo, answers.predict)
    if found.error:
        raise gradio.Error(found.error)
    return dict(found.classes) if of_classes else picture_of(found)


def explain(photo):
    views = ask(photo, answers.explain).get("views", [])
    views = ({key: html.escape(text) for key, text in view.items()} for view in views)
    return "".join(FIGURE.format(**view) for view in views)


with gradio.Blocks(title="keras_vit") as app:
    photo = gradio.Image(type="filepath", label="Photo")
    found = gradio.Label(num_top_classes=5) if of_classes else gradio.Image()
    photo.upload(predict, photo, found)
    if answers.why_no_explanation() is None:
        button, views = gradio.Button("What does it look at?"), gradio.HTML()
        button.click(explain, photo, views)

if __name__ == "__main__":
    app.launch(max_file_size="20mb")

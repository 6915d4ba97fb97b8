"""The rules of advice: a table of conditions, sentences and commands."""

import dataclasses
from collections.abc import Callable

from keras_vit.advising import conditions as when

ALL = ("classification", "multilabel", "segmentation", "detection")
CLASSES = ("classification",)


@dataclasses.dataclass(frozen=True)
class Rule:
    """One row: when to say it, what to say, and the command to try."""

    name: str
    # The numbers that it rests on, from an `Evidence`; `None` where it does not apply.
    condition: Callable
    # A text with the numbers by name.
    sentence: str
    # Words of a command, in which `{run}`, `{data}` and the numbers may stand.
    command: str = ""
    tasks: tuple = CLASSES


RULES = (
    Rule(
        "no_better_than_guessing",
        when.no_better_than_guessing,
        "Nothing shows that the model has learned anything: {accuracy:.1%} are right "
        "(95 % interval {low:.1%} to {high:.1%}), and always saying {class} gives "
        "{majority:.1%}. Try a lower learning rate first.",
        "train --recipe {run} --learning-rate {rate}",
    ),
    Rule(
        "no_better_than_pixels",
        when.no_better_than_pixels,
        "The model may be no better than comparing pixels: {accuracy:.1%} are right "
        "(95 % interval {low:.1%} to {high:.1%}), and the class of the training image "
        "that looks most alike at 16x16 grey pixels is right for {pixels:.1%}; always "
        "saying {class} for {majority:.1%}.",
        "train --recipe {run} {longer}",
    ),
    Rule(
        "how_good",
        when.how_good,
        "{accuracy:.1%} are right. For comparison: always saying {class} gives "
        "{majority:.1%}{nearest}.",
    ),
    Rule(
        "still_falling",
        when.still_falling,
        "The {part} loss still fell by {fall:.0%} over the last {tests} tests "
        "({before:.3g} to {last:.3g}), and so did the training loss: train longer.",
        "train --recipe {run} {longer}",
        ALL,
    ),
    Rule(
        "overfitting",
        when.overfitting,
        "The model fits its training images better than new ones: accuracy {train:.1%} "
        "in training, {judged:.1%} on {part} images, a gap of {gap:.1%}. More images "
        "help most; stronger augmentation or regularisation is the next best.",
        "train --recipe {run} {more}",
        ALL,
    ),
    Rule(
        "best_epoch_passed",
        when.risen,
        "The {part} loss was lowest after epoch {epoch} ({best:.3g}) and ended at "
        "{last:.3g}: stop when it rises, and keep the weights of the best epoch.",
        "train --recipe {run} --early-stopping 5",
        ALL,
    ),
    Rule(
        "weak_class",
        when.weak_classes,
        "{class} is found least: {right} of {support} ({recall:.1%}), against "
        "{mean:.1%} for the mean class; {times} were taken for {other}.{also} Look at "
        "its images and add more like those that fail.",
        "train --recipe {run} {remedy}",
    ),
    Rule(
        "weak_class",
        when.weak_pixel_classes,
        "{class} is segmented worst: IoU {iou:.1%}, against {mean:.1%} for the mean "
        "class; {images} test images show it. Add images that do.",
        "evaluate {run} --report masks.html",
        ("segmentation",),
    ),
    Rule(
        "weak_class",
        when.weak_box_classes,
        "{class} is found worst: AP50 {ap:.1%}, against {mean:.1%} for the mean class, "
        "on {objects} objects. Add images that show it.",
        "evaluate {run} --report boxes.html",
        ("detection",),
    ),
    Rule(
        "few_images",
        when.few_images,
        "{class} has {count} training images; {classes} of the classes have fewer than "
        "{few}. Add images, or merge classes.",
        "data {data} --report data.html",
    ),
    Rule(
        "unequal_classes",
        when.unequal,
        "{most} has {ratio:.0f} times the training images of {least} ({high} and "
        "{low}): judge by the recall of each class, and weigh the classes in the loss.",
        "train --recipe {run} --class-weights balanced",
    ),
    Rule(
        "duplicates",
        when.leaks,
        "{count} of {tested} test images are training images too, {exact} of them to "
        "the byte and {near} nearly: the accuracy is too high by up to {share:.1%}. "
        "Remove them from one part.",
        "data {data} --report data.html",
    ),
    Rule(
        "contradictions",
        when.contradictions,
        "{count} training images are in two classes at once, such as {one} and "
        "{other}: decide for one.",
        "data {data} --report data.html",
    ),
    Rule(
        "few_test_images",
        when.few_test_images,
        "{count} test images leave the accuracy open between {low:.1%} and {high:.1%}: "
        "smaller differences between models cannot be seen. Test on more.",
        "evaluate {run} --data MORE_IMAGES",
    ),
    Rule(
        "suspicious_labels",
        when.suspicious_labels,
        "{count} of {images} labels may be wrong: the model and the images most alike "
        "say another class, first {file} (labelled {label}; {suggested} by the model "
        "with {confidence:.0%} and by {agree} of {neighbours} neighbours). Look at "
        "them in {run}/relabel.html, correct the column label of {run}/relabel.csv, "
        "and train again.",
        "train --data {run}/relabel.csv",
    ),
    Rule(
        "suspicious_labels_elsewhere",
        when.suspicious_labels_elsewhere,
        "{count} of {images} labels may be wrong: the model and the images most alike "
        "say another class, first {file} (labelled {label}; {suggested} by the model "
        "with {confidence:.0%} and by {agree} of {neighbours} neighbours). Look at "
        "them in {run}/relabel.html. The images are no files of which a list could be "
        "corrected: mend labels where the data are from.",
    ),
    Rule(
        "odd_images",
        when.odd_images,
        "{found} unlike the others, first {file} ({reason}): remove what "
        "does not belong there.",
        "data {data} --report data.html",
    ),
    Rule(
        "from_scratch",
        when.from_scratch,
        "The model began with random weights and had {count:,} training images; with "
        "fewer than {few:,}, published weights usually give more than {score:.1%}. A "
        "probe of their features tells in minutes.",
        "probe --data {data} --model ViT_S16 --weights augreg",
    ),
    Rule(
        "from_scratch",
        when.from_scratch,
        "The model began with random weights and had {count:,} training images; with "
        "fewer than {few:,}, published weights usually give more than {score:.1%}.",
        "train --task {task} --data {data} --model ViT_S16 --weights augreg",
        ("multilabel", "segmentation", "detection"),
    ),
)

"""The command `keras-vit verify`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro


@dataclasses.dataclass
class Verify:
    """Compare this package with the original implementations, number by number.

    Small models with weights and outputs of the original code, which come with the
    package, are loaded and run. The exit status is 1 if a difference is too large.
    """

    # The name of a model, to verify its family, or a .keras file or run folder; every
    # family if not given.
    model: Annotated[
        tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[MODEL]")
    ] = None
    # Download this published file, such as ViT_B16/augreg+imagenet2012, check it, and
    # show its predictions for a photo. `keras-vit models --weights` lists the files.
    download: str | None = None

    def __call__(self):
        if self.download is not None:
            variant, _, name = self.download.rpartition("/")
            variant = self.model or variant
            if not variant:
                raise ValueError(
                    "`--download` needs a model too: ViT_B16/augreg+imagenet2012. "
                    f"Received: --download {self.download}"
                )
            from keras_vit.certificates.file_check import verify_file

            check = verify_file(name, variant)
            print(check)
            return 0 if check.certificate.passed else 1
        from keras_vit.certificates.certificate import verify
        from keras_vit.inference.loaded import load_model

        model = self.model
        if model is not None and Path(model).exists():
            model = load_model(model)
        certificate = verify(model)
        print(certificate)
        return 0 if certificate.passed else 1

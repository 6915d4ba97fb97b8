"""`python -m keras_vit`: the command line."""

import sys

from keras_vit.cli import main

sys.exit(main())

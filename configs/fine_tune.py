"""x."""

from configs import default


def get_config(preset=None):
    """Returns the configuration; presets are `test`."""
    return default.chosen(default.fine_tune(), preset, {None: None, "test": _test})


def _test(config):
    """Seconds: shows that everything works, not how well."""
    config.data.synthetic.subjects = 2
    config.data.synthetic.movement_s = 1.0
    config.data.synthetic.rest_s = 0.0
    config.data.seen_subjects = "1"
    config.train.batch_size = 64
    config.train.max_epochs = 2
    config.model.hidden = 8
    config.model.patch_size = 30
    config.fine_tune.fins = "runs/fin_{feature}_test"

"""The image archiver: fetches the pictures that events tell of and keeps each once in a store."""

from sidecar.plugin import Context, Factory, Plugin
from sidecar.plugins.images.config import ImagesConfig


def _build(config: ImagesConfig, context: Context) -> Plugin:
    from sidecar.plugins.images.plugin import ImageArchiver  # its clients load only when the plugin is used

    return ImageArchiver(config, context)


FACTORY = Factory(name="images", config=ImagesConfig, build=_build, required=True)

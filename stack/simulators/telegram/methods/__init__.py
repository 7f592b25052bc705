"""The methods of the Bot API, one module a subject, named as its documentation names them."""

from importlib import import_module
from pkgutil import iter_modules

from stack.simulators.telegram.state import METHODS

__all__ = ["METHODS"]

for module in iter_modules(__path__, f"{__name__}."):
    import_module(module.name)

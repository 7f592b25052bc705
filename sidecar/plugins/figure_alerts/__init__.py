"""Tells an admin chat in Telegram when a figure is outside of what an owner's rule calls normal, and when that is over."""

from sidecar.plugin import Factory, imported_on_call
from sidecar.plugins.figure_alerts.settings import FigureAlertsSettings

_BUILD = imported_on_call("sidecar.plugins.figure_alerts.alerts:FigureAlerts")
FACTORY = Factory(name="figure_alerts", config=FigureAlertsSettings, build=_BUILD, required=False)

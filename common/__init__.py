"""What the parts share: settings, network limits, log format. It imports no part."""

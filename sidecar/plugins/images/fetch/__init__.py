"""Fetching images: by URL from public hosts, or by Telegram file id."""

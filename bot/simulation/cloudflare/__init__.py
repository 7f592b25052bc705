"""Cloudflare Images on loopback: what `bot.simulation.cloudflare_api` is made of."""

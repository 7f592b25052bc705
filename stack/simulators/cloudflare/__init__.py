"""Cloudflare Images on loopback: what `stack.simulators.cloudflare.server` is made of."""

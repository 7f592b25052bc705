"""Small bots that behave as public ones do; none knows anything of Chattrail but the two lines that instrument it."""

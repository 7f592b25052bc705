"""The OTLP/HTTP receiver: from a request to stored records, in bounded memory."""

"""Rules in the Common Expression Language (CEL), as custom kinds, webhooks and policies have them."""

"""The API client: requests, informers and work queues."""

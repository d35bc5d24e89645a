"""Parts of the API that other servers serve: APIServices, and their availability."""

"""Parts of the API that other servers answer: APIServices, and what follows from them."""

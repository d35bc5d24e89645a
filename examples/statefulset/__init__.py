"""A StatefulSet behind its headless Service: names that stay while Pods come and go."""

"""HTTP: routes, methods, status codes, reading of requests, the page's files; nothing of what is asked."""

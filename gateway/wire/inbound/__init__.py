"""From clients: listening, HTTP/1.1 with its deadlines, bodies of requests, and how an answer is sent."""

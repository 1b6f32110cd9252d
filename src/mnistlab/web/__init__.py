"""The page to draw on, and the HTTP interface. Stands on `reading`; only the command imports it.

server     a socket, uvicorn, signals: from the command to the first answer
app        what is asked at which address, and every error as one sentence of JSON
guard      whose requests are refused, and the headers on every answer
work       a bounded queue before a few threads that read
upload     the picture in the body of a request
openapi    the same interface, described for machines
static/    the page: no build step, nothing from elsewhere
"""

"""An HTTP server that answers as Ray's job server does, and runs nothing."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version


class StandIn:
    """Its address, the token that it wants, the jobs it knows by id, and what its clients sent.

    Attributes:
        address: Where it listens.
        token: Token that a request needs; empty for none.
        version: What it answers when asked for its version; None as a server that is not Ray's.
        nodes: Nodes of its cluster as its clients read them; empty as a server that does not tell.
        jobs: Jobs as its clients read them, by id.
        logs: What jobs printed, by id.
        requests: Bodies of the jobs that were accepted.
    """

    def __init__(self):
        self.address, self.token = "", ""
        self.version = {"ray_version": version("ray"), "session_name": "session_1"}
        self.jobs, self.logs, self.requests, self.nodes = {}, {}, [], []

    def answer(self, method, path, token, body):
        """Return status and content of an answer."""
        if self.token and not token:
            return 401, "Unauthorized"
        if self.token and token != f"Bearer {self.token}":
            return 403, "Forbidden"
        words = path.strip("/").split("/")
        if path == "/api/version" and self.version:
            return 200, self.version
        if path.startswith("/api/v0/nodes?") and self.nodes:
            return 200, {"data": {"result": {"result": self.nodes}}}
        if method == "POST" and words == ["api", "jobs"]:
            return self._accept(body)
        if words[:2] == ["api", "jobs"] and words[2] in self.jobs:
            job = self.jobs[words[2]]
            return 200, {"logs": self.logs.get(words[2], "")} if words[3:] == ["logs"] else job
        return 404, "Not Found"

    def _accept(self, body):
        job = body["submission_id"]
        if job in self.jobs:
            return 400, f"Traceback: ...\nValueError: Job with submission_id {job} already exists."
        self.requests.append(body)
        self.jobs[job] = {"status": "RUNNING", "message": "", "metadata": body["metadata"]}
        return 200, {"submission_id": job, "job_id": job}


@contextmanager
def stand_in():
    """Serve on a free port while the block runs."""
    served = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def _reply(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, content = served.answer(
                self.command, self.path, self.headers.get("Authorization", ""), body
            )
            data = (content if isinstance(content, str) else json.dumps(content)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _reply

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

# A BitTorrent tracker (BEP 3, BEP 23) for the bench: it knows who is here, and that is all.
import http.server, socket, struct, sys, urllib.parse

peers = set()

class Tracker(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        peers.add((self.client_address[0], int(query["port"][0])))
        packed = b"".join(socket.inet_aton(host) + struct.pack(">H", port) for host, port in peers)
        body = b"d8:intervali1e5:peers%d:%se" % (len(packed), packed)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer((sys.argv[1], 6969), Tracker).serve_forever()

#!/usr/bin/env python3
"""Buys and sells at a venue: examples/client.py [HOST PORT], 127.0.0.1 7400 without."""
import json, socket, struct, sys

if len(sys.argv) not in (1, 3):
    sys.exit(__doc__)
host, port = sys.argv[1:] or ("127.0.0.1", 7400)
try:
    venue = socket.create_connection((host, int(port))).makefile("rwb")
except OSError as error:
    sys.exit(f"{host}:{port}: {error.strerror}; is the venue running? (outcry serve)")

def send(**request):  # a frame: 4 bytes of length, big-endian, then one JSON object
    payload = json.dumps(request).encode()
    venue.write(struct.pack(">I", len(payload)) + payload)
    venue.flush()

def receive():
    (size,) = struct.unpack(">I", venue.read(4))
    return json.loads(venue.read(size))

send(user_id=101, symbol="BTC/USD", order_type="Buy", price=50000, quantity=10)
print("resting:", receive())   # {"order_id": 1, "user_id": 101}
send(user_id=102, symbol="BTC/USD", order_type="Sell", price=49000, quantity=10)
print("traded: ", receive())   # at 50000, the resting order's price

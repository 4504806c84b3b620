"""Fills the reference registry with servers and prints a token for Lookup. Arguments: address, servers, how many."""

import sys

import grpc
import mcp2_pb2 as pb2
import mcp2_pb2_grpc as pb2_grpc

from auth import create_capability_token

address, total, seeded = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
stub = pb2_grpc.DiscoveryStub(grpc.insecure_channel(address))
registration = create_capability_token("S", ["registry:register"], ["RegistryServer"])
tables = total // 2
# The two that the benchmark asks for come first, so that a short run finds them too.
numbers = [7, 7 + tables] + [n for n in range(total) if n not in (7, 7 + tables)]
for number in numbers[:seeded]:
    request = pb2.RegisterRequest(
        server_name=f"S{number}",
        capabilities=[f"db:table{number % tables}:read"],
        registration_token=registration,
    )
    stub.Register(request, metadata=[("grpc-url", "10.0.0.1:1")], timeout=5)
print(create_capability_token("bench.agent", ["registry:lookup"], ["S7", "S507"]))

# The reference of the MCP 2.0 proposal, section 7; mended where a line says so.
# registry_server.py

import threading
from concurrent import futures
import grpc
import time

import mcp2_pb2 as pb2
import mcp2_pb2_grpc as pb2_grpc

from auth import verify_capability_token, has_capability, has_audience
from middleware import TelemetryLogger

# ------------------------------------------------------------------
# In‐Memory Registry Data Structures (Thread‐Safe)
# ------------------------------------------------------------------
class RegistryStore:
    def __init__(self):
        # server_name -> {"grpc_url": str, "capabilities": List[str], "registered_at": timestamp}
        self._lock = threading.Lock()
        self._store = {}

    def register(self, server_name: str, grpc_url: str, capabilities: list):
        with self._lock:
            self._store[server_name] = {
                "grpc_url": grpc_url,
                "capabilities": capabilities,
                "registered_at": time.time()
            }

    def lookup(self, capability_filter: list):
        """
        Return a list of (server_name, grpc_url, capabilities) for servers
        whose capabilities match ANY of the requested capability_filter entries
        (allow wildcard in registered capability).
        """
        out = []
        with self._lock:
            for name, info in self._store.items():
                for cap in info["capabilities"]:
                    for req in capability_filter:
                        # exact match or wildcard match
                        if cap == req or (cap.endswith("*") and req.startswith(cap[:-1])):
                            out.append((name, info["grpc_url"], info["capabilities"]))
                            break
                    else:
                        continue
                    break
        return out

# Create a global registry store
REGISTRY = RegistryStore()
TELEMETRY = TelemetryLogger()

# ------------------------------------------------------------------
# Discovery Servicer Implementation
# ------------------------------------------------------------------
class DiscoveryServicer(pb2_grpc.DiscoveryServicer):
    def Register(self, request, context):
        """
        Register a server or agent:
          - Verify registration_token has capability "registry:register"
          - Extract server_name, capabilities
          - Store (server_name → {grpc_url, capabilities})
        """
        start_time = time.time()
        client_peer = context.peer()
        try:
            # 1. Verify JWT
            payload = verify_capability_token(request.registration_token)
            # 2. Check that the token allows registering any service
            if not has_capability(payload, "registry:register"):
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "Token lacks registry:register")

            # 3. Extract fields and register
            server_name = request.server_name
            # We expect the registration payload to include a "grpc_url" entry in capabilities? 
            # For simplicity, assume server_name encodes its grpc_url, or pass it via a metadata header.
            # Here, we'll pretend the GRPC URL is passed as a metadata header "grpc-url"
            grpc_url = None
            for key, val in context.invocation_metadata():
                if key == "grpc-url":
                    grpc_url = val
            if grpc_url is None:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Missing 'grpc-url' metadata")

            capabilities = list(request.capabilities)
            REGISTRY.register(server_name, grpc_url, capabilities)

            TELEM_ENTRY = {
                "method": "Register",
                "client": payload["sub"],
                "server_name": server_name,
                "latency_ms": int((time.time() - start_time) * 1000),
                "status": "success"
            }
            TELEMETRY.log(TELEM_ENTRY)

            return pb2.RegisterResponse(success=True, message="Registered successfully")
        except Exception as e:
            TELEM_ENTRY = {
                "method": "Register",
                "client": client_peer,
                "latency_ms": int((time.time() - start_time) * 1000),
                "status": f"failure: {e}"
            }
            TELEMETRY.log(TELEM_ENTRY)
            context.abort(grpc.StatusCode.UNAUTHENTICATED, f"Registration failed: {e}")

    def Lookup(self, request, context):
        """
        Lookup endpoints matching requested capability_filter:
          - Verify requester_token has "registry:lookup" or relevant capabilities
          - Return list of EndpointDescriptor
        """
        start_time = time.time()
        try:
            payload = verify_capability_token(request.requester_token)
            if not has_capability(payload, "registry:lookup"):
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "Token lacks registry:lookup")

            # Perform lookup
            matches = REGISTRY.lookup(list(request.capability_filter))
            endpoints = []
            for (name, grpc_url, caps) in matches:
                # Check if audience allows returning this endpoint to the requester
                if has_audience(payload, name):
                    endpoints.append(pb2.EndpointDescriptor(
                        server_name=name,
                        grpc_url=grpc_url,
                        capabilities=caps
                    ))
            TELEM_ENTRY = {
                "method": "Lookup",
                "client": payload["sub"],
                "latency_ms": int((time.time() - start_time) * 1000),
                "status": f"found_{len(endpoints)}"
            }
            TELEMETRY.log(TELEM_ENTRY)

            return pb2.LookupResponse(endpoints=endpoints)
        except Exception as e:
            TELEM_ENTRY = {
                "method": "Lookup",
                "client": context.peer(),
                "latency_ms": int((time.time() - start_time) * 1000),
                "status": f"failure: {e}"
            }
            TELEMETRY.log(TELEM_ENTRY)
            context.abort(grpc.StatusCode.UNAUTHENTICATED, f"Lookup failed: {e}")

# ------------------------------------------------------------------
# Server Bootstrapping
# ------------------------------------------------------------------
def serve_registry():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=10))
    pb2_grpc.add_DiscoveryServicer_to_server(DiscoveryServicer(), server)
    listen_addr = '127.0.0.1:0'  # mended: a free port of this machine only
    listen_addr = server.add_insecure_port(listen_addr)
    server.start()
    print(f"[Registry] Listening on {listen_addr}", flush=True)  # mended: after the start, and at once
    server.wait_for_termination()

if __name__ == "__main__":
    serve_registry()

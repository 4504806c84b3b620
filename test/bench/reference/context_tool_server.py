# The reference of the MCP 2.0 proposal, section 8, RequestContext and InvokeTool; mended where a line says so.
# context_tool_server.py

import time
from concurrent import futures
import grpc

import mcp2_pb2 as pb2
import mcp2_pb2_grpc as pb2_grpc

from auth import verify_capability_token, has_capability, has_audience
from middleware import TelemetryLogger, SimpleCache, CircuitBreaker

# ------------------------------------------------------------------
# In‐Memory Store & Telemetry & Cache & Circuit Breaker
# ------------------------------------------------------------------
TELEMETRY = TelemetryLogger()
CACHE = SimpleCache()
CIRCUIT = CircuitBreaker(threshold=3, recovery_time=30)

# Example in-memory context data
CONTEXT_DATA = {
    "inventory:prod_12345:stock_count": b"42",  # serialized_value; real impl might be protobuf‐encoded
}

class ContextToolServicer(pb2_grpc.ContextToolServicer):
    def RequestContext(self, request, context):
        """
        Unary RPC: Return serialized context for a given key.
        Checks:
          - capability_token has "db:inventory:read" (or wildcard)
          - audience matches this server's name
        Caching + Circuit Breaker applied.
        """
        start_time = time.time()
        client_peer = context.peer()
        server_name = "InventoryDB_Primary"  # Hardcoded for this example

        try:
            # 1. Check circuit breaker
            if not CIRCUIT.before_call():
                context.abort(grpc.StatusCode.UNAVAILABLE, "Service temporarily unavailable")

            # 2. Verify token
            payload = verify_capability_token(request.capability_token)
            if not has_capability(payload, "db:inventory:read"):
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "Token lacks db:inventory:read")
            if not has_audience(payload, server_name):
                context.abort(grpc.StatusCode.PERMISSION_DENIED, f"Token not intended for {server_name}")

            # 3. Caching check
            cache_key = f"context::{request.context_key}::{tuple(sorted(request.parameters.items()))}"
            cached = CACHE.get(cache_key)
            if cached is not None:
                TELEMETRY.log({
                    "method": "RequestContext",
                    "client": payload["sub"],
                    "cache_hit": True,
                    "latency_ms": int((time.time() - start_time) * 1000),
                    "status": "success"
                })
                return cached

            # 4. Fetch from in-memory store (simulate real DB)
            value = CONTEXT_DATA.get(request.context_key, b"")
            metadata = [f"timestamp:{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}"]

            response = pb2.ContextResponse(
                serialized_value=value,
                metadata=metadata
            )
            # 5. Cache it
            CACHE.set(cache_key, response, ttl=60)

            CIRCUIT.after_call(success=True)
            TELEMETRY.log({
                "method": "RequestContext",
                "client": payload["sub"],
                "cache_hit": False,
                "latency_ms": int((time.time() - start_time) * 1000),
                "status": "success"
            })
            return response

        except Exception as e:
            CIRCUIT.after_call(success=False)
            TELEMETRY.log({
                "method": "RequestContext",
                "client": client_peer,
                "latency_ms": int((time.time() - start_time) * 1000),
                "status": f"failure: {e}"
            })
            context.abort(grpc.StatusCode.UNAUTHENTICATED, f"RequestContext failed: {e}")

    def InvokeTool(self, request, context):
        """
        Unary RPC: invoke a named tool (e.g., "enhance_image" or "compute_pricing").
        Verifies token, then calls a fake tool.
        """
        start_time = time.time()
        client_peer = context.peer()
        server_name = "InventoryDB_Primary"

        try:
            # 1. Circuit breaker
            if not CIRCUIT.before_call():
                context.abort(grpc.StatusCode.UNAVAILABLE, "Service temporarily unavailable")

            # 2. Verify token + delegation proof if present
            payload = verify_capability_token(request.capability_token)
            tool_name = request.tool_name
            required_cap = f"tool:{tool_name}"
            if not has_capability(payload, required_cap):
                context.abort(grpc.StatusCode.PERMISSION_DENIED, f"Token lacks {required_cap}")
            if not has_audience(payload, server_name):
                context.abort(grpc.StatusCode.PERMISSION_DENIED, f"Token not for {server_name}")

            # 3. Simulate tool execution (e.g., echo arguments back)
            outputs = {}
            warnings = []
            if tool_name == "compute_pricing":
                sku = request.arguments.get("sku", "")
                stock = int(request.arguments.get("stock_count", "0"))
                recommended_price = 100.0 - 0.1 * stock  # dummy formula
                outputs["recommended_price"] = str(recommended_price).encode("utf-8")
            else:
                warnings.append(f"Tool '{tool_name}' not recognized. No action taken.")

            resp = pb2.ToolResponse(
                success=True,
                outputs=outputs,
                warnings=warnings
            )
            CIRCUIT.after_call(success=True)
            TELEMETRY.log({
                "method": "InvokeTool",
                "client": payload["sub"],
                "tool": tool_name,
                "latency_ms": int((time.time() - start_time) * 1000),
                "status": "success"
            })
            return resp

        except Exception as e:
            CIRCUIT.after_call(success=False)
            TELEMETRY.log({
                "method": "InvokeTool",
                "client": client_peer,
                "latency_ms": int((time.time() - start_time) * 1000),
                "status": f"failure: {e}"
            })
            context.abort(grpc.StatusCode.UNAUTHENTICATED, f"InvokeTool failed: {e}")

# ------------------------------------------------------------------
# Server Bootstrapping
# ------------------------------------------------------------------
def serve_context_tool():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=10))
    pb2_grpc.add_ContextToolServicer_to_server(ContextToolServicer(), server)
    listen_addr = '127.0.0.1:0'  # mended: a free port of this machine only
    listen_addr = server.add_insecure_port(listen_addr)
    server.start()
    print(f"[ContextTool] Listening on {listen_addr}", flush=True)  # mended: after the start, and at once

    server.wait_for_termination()

if __name__ == "__main__":
    serve_context_tool()

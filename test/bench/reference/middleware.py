# The reference of the MCP 2.0 proposal, section 6; unchanged.
# middleware.py
import functools
import time
from typing import Any, Callable, Dict

# ------------------------------------------------------------------
# Telemetry Logger Stub
# ------------------------------------------------------------------
class TelemetryLogger:
    def __init__(self):
        # In prod, you might configure structured logging, metrics exports, etc.
        pass

    def log(self, entry: Dict[str, Any]):
        """
        A simple telemetry log. In production, send to a monitoring system.
        entry could contain fields like:
          - timestamp
          - client_id
          - method_name
          - latency_ms
          - status (success/failure)
        """
        print(f"[Telemetry] {time.strftime('%Y-%m-%d %H:%M:%S')} | {entry}")

# ------------------------------------------------------------------
# Caching Middleware Stub
# ------------------------------------------------------------------
class SimpleCache:
    def __init__(self):
        # In‐memory dict. Production might use Redis or Memcached.
        self.store: Dict[str, Any] = {}

    def get(self, key: str):
        return self.store.get(key)

    def set(self, key: str, value: Any, ttl: int = None):
        # TTL handling omitted for simplicity.
        self.store[key] = value

# ------------------------------------------------------------------
# Circuit Breaker Stub
# ------------------------------------------------------------------
class CircuitBreaker:
    def __init__(self, threshold: int = 5, recovery_time: int = 60):
        """
        threshold: number of consecutive failures to open circuit
        recovery_time: seconds after which we try to half‐open
        """
        self.threshold = threshold
        self.recovery_time = recovery_time
        self.failure_count = 0
        self.last_failure_time = None
        self.open = False

    def before_call(self) -> bool:
        """
        Returns False if circuit is open and not recovered yet.
        """
        if self.open:
            if time.time() - self.last_failure_time > self.recovery_time:
                # half-open: let one request through
                return True
            return False
        return True

    def after_call(self, success: bool):
        if success:
            self.failure_count = 0
            self.open = False
        else:
            self.failure_count += 1
            self.last_failure_time = time.time()
            if self.failure_count >= self.threshold:
                self.open = True

# The reference of the MCP 2.0 proposal, section 5; mended in one line, which says so.
# auth.py
import jwt
import time
from typing import List, Dict, Any

# ------------------------------------------------------------------
# Configuration / Secret Key (in prod, store this securely)
# ------------------------------------------------------------------
SECRET_KEY = "supersecret_mcp2_key"  # Replace with a secure, random key
ALGORITHM = "HS256"

# ------------------------------------------------------------------
# Helper: Create a capability token (JWT)
# ------------------------------------------------------------------
def create_capability_token(
    subject: str,
    capabilities: List[str],
    audience: List[str],
    expires_in_sec: int = 3600
) -> str:
    """
    Issue a JWT that encodes:
      - sub: the subject (agent or server ID)
      - capabilities: list of capability strings (e.g., "db:inventory:read")
      - aud: allowed recipients (e.g., ["InventoryDB_*"])
      - exp: expiration timestamp
    """
    now = int(time.time())
    payload = {
        "sub": subject,
        "capabilities": capabilities,
        "aud": audience,
        "iat": now,
        "exp": now + expires_in_sec
    }
    token = jwt.encode(payload, SECRET_KEY, algorithm=ALGORITHM)
    return token

# ------------------------------------------------------------------
# Helper: Verify a token and return payload if valid
# ------------------------------------------------------------------
def verify_capability_token(token: str) -> Dict[str, Any]:
    """
    Verifies JWT signature, expiration, and returns payload.
    Raises jwt.ExpiredSignatureError or jwt.InvalidTokenError on failure.
    """
    try:
        payload = jwt.decode(
            token,
            SECRET_KEY,
            algorithms=[ALGORITHM],
            options={"verify_aud": False, "require": ["exp", "iat", "sub", "capabilities", "aud"]}  # mended: PyJWT refuses every token with "aud" otherwise
        )
        return payload
    except jwt.ExpiredSignatureError as e:
        raise
    except jwt.InvalidTokenError as e:
        raise

# ------------------------------------------------------------------
# Helper: Check if a given capability is present
# ------------------------------------------------------------------
def has_capability(payload: Dict[str, Any], required: str) -> bool:
    """
    Returns True if 'required' is an exact match or matches a wildcard
    against any entry in payload["capabilities"].
    Wildcard pattern: "db:inventory:*" matches "db:inventory:read" etc.
    """
    caps = payload.get("capabilities", [])
    for cap in caps:
        if cap == required:
            return True
        # simple wildcard check: "db:inventory:*"
        if cap.endswith("*"):
            prefix = cap[:-1]
            if required.startswith(prefix):
                return True
    return False

# ------------------------------------------------------------------
# Helper: Check audience
# ------------------------------------------------------------------
def has_audience(payload: Dict[str, Any], target: str) -> bool:
    """
    Returns True if target matches any entry in payload["aud"], allowing wildcard.
    """
    aud_list = payload.get("aud", [])
    for aud in aud_list:
        if aud == target:
            return True
        if aud.endswith("*"):
            prefix = aud[:-1]
            if target.startswith(prefix):
                return True
    return False

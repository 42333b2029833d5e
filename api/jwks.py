"""What a key set (JWKS, RFC 7517) says: the keys in it that may sign our users' tokens."""

import json
from collections.abc import Mapping
from typing import Any, TypeGuard

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

Key = RSAPublicKey | EllipticCurvePublicKey

KID_CHARS = 200
RSA_BITS = range(2048, 8193)  # less can be broken (RFC 7518, section 3.3), more keeps the processor busy


class KeySetFault(Exception):
    """str() tells in words for the log why a key set cannot be used."""


def usable_keys(document: bytes, algorithm: str) -> dict[str, Key]:
    """The public keys for `algorithm` by their kid; keys for anything else are passed over.

    Raises KeySetFault when there is none: an empty set is more likely a fault than a wish.
    """
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        raise KeySetFault("it is not JSON") from None
    listed = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        raise KeySetFault("it is not a key set: it holds no list of keys")
    keys = {jwk["kid"]: key for jwk in listed if (key := _key(jwk, algorithm))}
    if not keys:
        raise KeySetFault(f"none of its {len(listed)} keys is a named, strong signing key for {algorithm}")
    return keys


def is_kid(given: object) -> TypeGuard[str]:
    return isinstance(given, str) and 0 < len(given) <= KID_CHARS and given.isascii() and given.isprintable()


def _key(jwk: Any, algorithm: str) -> Key | None:
    if not isinstance(jwk, dict) or not _is_meant(jwk, algorithm):
        return None
    try:
        key: Any = jwt.PyJWK(jwk, algorithm).key
    except jwt.PyJWTError:
        return None
    return key if _is_strong(key) else None


def _is_meant(jwk: Mapping[str, Any], algorithm: str) -> bool:
    """Whether a key is for checking signatures of this kind (RFC 7517, section 4)."""
    operations = jwk.get("key_ops", ["verify"])
    return (
        is_kid(jwk.get("kid"))
        and jwk.get("alg", algorithm) == algorithm
        and jwk.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
    )


def _is_strong(key: Any) -> bool:
    """Neither is a private key, which has no place in a set that everybody can read."""
    match key:
        case RSAPublicKey():
            return key.key_size in RSA_BITS
        case EllipticCurvePublicKey():
            return isinstance(key.curve, SECP256R1)
        case _:
            return False

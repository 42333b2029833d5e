"""Of a key set only the keys that may sign our users' tokens are taken."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from api.jwks import KeySetFault, is_kid, usable_keys
from tests.api.provider import ec_key, jwk, rsa_key

GOOD = jwk(rsa_key(), "good")


def kids(*keys, algorithm="RS256"):
    """Which keys are taken, beside one that always is."""
    found = usable_keys(
        json.dumps({"keys": [*keys, jwk(rsa_key("z"), "z"), jwk(ec_key("z"), "z")]}).encode(), algorithm
    )
    return set(found) - {"z"}


def test_a_key_of_the_right_kind_is_taken():
    assert kids(GOOD) == {"good"}
    assert kids(jwk(ec_key(), "good"), algorithm="ES256") == {"good"}
    assert kids(jwk(rsa_key(), "plain", use=..., alg=...)) == {"plain"}
    assert kids(jwk(rsa_key(), "full", use="sig", alg="RS256", key_ops=["verify"])) == {"full"}


REFUSED = {
    "for encryption": jwk(rsa_key(), "a", use="enc"),
    "for another operation": jwk(rsa_key(), "a", key_ops=["encrypt"]),
    "operations are no list": jwk(rsa_key(), "a", key_ops="verify"),
    "for another algorithm": jwk(rsa_key(), "a", alg="PS256"),
    "for none": jwk(rsa_key(), "a", alg="none"),
    "small": jwk(rsa_key("small", 1024), "a"),
    "small in disguise": {**jwk(rsa_key("small", 1024), "a"), "n": "AAAA" + jwk(rsa_key("small", 1024), "a")["n"]},
    "of another kind": jwk(ec_key(), "a"),
    "a secret": {"kty": "oct", "k": "c2VjcmV0", "kid": "a"},
    "of an unknown kind": {"kty": "RSB", "kid": "a"},
    "private": {**RSAAlgorithm.to_jwk(rsa_key(), as_dict=True), "kid": "a", "key_ops": ["sign", "verify"]},
    "without a name": jwk(rsa_key(), ...),
    "named null": jwk(rsa_key(), None),
    "named by a number": jwk(rsa_key(), 5),
    "named by nothing": jwk(rsa_key(), ""),
    "a long name": jwk(rsa_key(), "a" * 201),
    "a name with a line break": jwk(rsa_key(), "a\nb"),
    "without a modulus": jwk(rsa_key(), "a", n=...),
    "the modulus is a number": jwk(rsa_key(), "a", n=5),
    "the modulus is not base64": jwk(rsa_key(), "a", n="ä"),
    "an even exponent": jwk(rsa_key(), "a", e="Ag"),
    "no object": "a",
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_key_that_is_not_meant_or_not_sound_is_passed_over(case):
    assert kids(REFUSED[case], GOOD) == {"good"}


def test_another_curve_is_passed_over():
    assert kids(jwk(ec_key("p384", ec.SECP384R1), "a"), algorithm="ES256") == set()
    assert kids(GOOD, algorithm="ES256") == set()


def test_a_set_without_a_usable_key_is_a_fault():
    with pytest.raises(KeySetFault, match=r"none of its 1 keys is a named, strong signing key for ES256"):
        usable_keys(json.dumps({"keys": [GOOD]}).encode(), "ES256")


@pytest.mark.parametrize("document", [b"[]", b"null", b'"keys"', b"{}", b'{"keys": {}}', b"[" * 200_000, b'{"keys": ['])
def test_what_is_no_set_is_a_fault(document):
    with pytest.raises(KeySetFault, match="it is not"):
        usable_keys(document, "RS256")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3),
)
MEMBERS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("kid", "kty", "alg", "use", "key_ops", "n", "e", "crv", "x", "y", "x5c"), JSON)
)


@given(changed=MEMBERS, kind=st.sampled_from(["RS256", "ES256"]))
def test_no_key_set_raises_anything_but_a_fault(changed, kind):
    for key in (GOOD, jwk(ec_key(), "good"), {}):
        try:
            found = usable_keys(json.dumps({"keys": [{**key, **changed}, changed]}).encode(), kind)
        except KeySetFault:
            continue
        assert all(is_kid(kid) for kid in found)


@given(document=st.binary(max_size=200))
def test_no_document_raises_anything_but_a_fault(document):
    with pytest.raises(KeySetFault):
        usable_keys(document, "RS256")

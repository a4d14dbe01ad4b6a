# The types are those of the contract, ``multistore/wire/__init__.pyi``.

from multistore.wire import Authorization as Authorization
from multistore.wire import Signer as Signer
from multistore.wire import SigningKey as SigningKey
from multistore.wire import check_signed_headers as check_signed_headers
from multistore.wire import parse_authorization as parse_authorization
from multistore.wire import presign as presign
from multistore.wire import sign as sign
from multistore.wire import verify as verify
from multistore.wire import verify_presigned as verify_presigned

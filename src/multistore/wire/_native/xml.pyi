# The types are those of the contract, ``multistore/wire/__init__.pyi``.

from multistore.wire import END as END
from multistore.wire import LEAF as LEAF
from multistore.wire import START as START
from multistore.wire import XmlReader as XmlReader
from multistore.wire import xml_escape as xml_escape

class Owner: ...

class Stream:
    peer: str

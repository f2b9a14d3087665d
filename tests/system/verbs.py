"""enscalectl on the gateway, with the directory's local socket."""

import json
import re


class Verbs:
    def __init__(self, gateway):
        self.gateway = gateway

    def run(self, *words, input=b""):
        return self.gateway.run(["enscalectl", *words], input=input, check=False,
                                env={"LDAPURI": "ldapi:///"})

    def do(self, *words, **more):
        """It is done, and said so."""
        result = self.run(*words, **more)
        assert result.returncode == 0, result.stderr.decode()
        return result.stdout.decode()

    def change(self, *words, **more):
        """The same, and this gateway has it."""
        said = self.do(*words, **more)
        assert re.search(r": this gateway has it after \d+ ms\n\Z", said), said
        return said

    def refuse(self, *words, says, code=1, **more):
        result = self.run(*words, **more)
        text = result.stderr.decode()
        assert result.returncode == code, text
        assert says in text, text
        return text

    def json(self, *words, **more):
        return json.loads(self.do(*words, "--json", **more))

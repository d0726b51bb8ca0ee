"""Validates JSON by a JSON Schema (draft 2020-12): the first line of stdin is the schema, each further one a document.

Answers each document with a line: empty if it is valid, else what is wrong with it and where.
"""

import json
import sys

from jsonschema import Draft202012Validator

formats = Draft202012Validator.FORMAT_CHECKER
# Without rfc3339-validator no time would be looked at.
assert "date-time" in formats.checkers, "rfc3339-validator is missing"
schema = json.loads(sys.stdin.readline())
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema, format_checker=formats)
for line in sys.stdin:
    error = next(validator.iter_errors(json.loads(line)), None)
    print("" if error is None else f"{error.json_path}: {error.message[:200]}".replace("\n", " "))

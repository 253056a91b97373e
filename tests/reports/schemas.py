"""The required parts of the formats that reports are written in, as JSON Schema, in our own words."""

from __future__ import annotations

from typing import Final

TEXT: Final = {"type": "string", "minLength": 1}
MESSAGE: Final = {"type": "object", "required": ["text"], "properties": {"text": TEXT}}
LEVEL: Final = {"enum": ["none", "note", "warning", "error"]}

LOCATION: Final = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation", "region"],
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "required": ["uri"],
                    "properties": {"uri": {"type": "string", "pattern": r"^[^\s\\]+$"}, "uriBaseId": TEXT},
                    "additionalProperties": False,
                },
                "region": {
                    "type": "object",
                    "required": ["startLine"],
                    "properties": {name: {"type": "integer", "minimum": 1} for name in ("startLine", "startColumn")},
                    "additionalProperties": False,
                },
            },
        }
    },
}

SARIF: Final = {
    "type": "object",
    "required": ["version", "runs", "$schema"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "rules"],
                                "properties": {
                                    "name": TEXT,
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id", "shortDescription"],
                                            "properties": {
                                                "id": TEXT,
                                                "shortDescription": MESSAGE,
                                                "helpUri": {"type": "string", "pattern": "^https?://"},
                                                "defaultConfiguration": {"properties": {"level": LEVEL}},
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "invocations": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["executionSuccessful"],
                            "properties": {
                                "executionSuccessful": {"type": "boolean"},
                                "exitCode": {"type": "integer"},
                                "startTimeUtc": {"type": "string", "pattern": "Z$"},
                                "toolExecutionNotifications": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["message"],
                                        "properties": {"message": MESSAGE, "level": LEVEL},
                                    },
                                },
                            },
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message", "ruleId", "ruleIndex", "level", "partialFingerprints"],
                            "properties": {
                                "message": MESSAGE,
                                "ruleId": TEXT,
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": LEVEL,
                                "partialFingerprints": {"type": "object", "additionalProperties": TEXT},
                                "locations": {"type": "array", "minItems": 1, "items": LOCATION},
                                "suppressions": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["kind"],
                                        "properties": {
                                            "kind": {"enum": ["inSource", "external"]},
                                            "status": {"enum": ["accepted", "underReview", "rejected"]},
                                            "justification": TEXT,
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}

COUNT: Final = {"type": "integer", "minimum": 0}
STATUSES: Final = ("passed", "failed", "skipped", "pending", "other")

CTRF: Final = {
    "type": "object",
    "required": ["reportFormat", "specVersion", "results"],
    "additionalProperties": False,
    "properties": {
        "reportFormat": {"const": "CTRF"},
        "specVersion": {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
        "generatedBy": TEXT,
        "results": {
            "type": "object",
            "required": ["tool", "summary", "tests"],
            "additionalProperties": False,
            "properties": {
                "tool": {
                    "type": "object",
                    "required": ["name"],
                    "additionalProperties": False,
                    "properties": {"name": TEXT, "version": TEXT},
                },
                "summary": {
                    "type": "object",
                    "required": ["tests", *STATUSES, "start", "stop"],
                    "additionalProperties": False,
                    "properties": {
                        **dict.fromkeys(("tests", *STATUSES, "start", "stop"), COUNT),
                        "extra": {"type": "object"},
                    },
                },
                "tests": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name", "status", "duration"],
                        "additionalProperties": False,
                        "properties": {
                            "name": TEXT,
                            "status": {"enum": [*STATUSES]},
                            "duration": COUNT,
                            "suite": {"type": "array", "minItems": 1, "items": TEXT},
                            "message": TEXT,
                            "rawStatus": TEXT,
                            "tags": {"type": "array", "items": TEXT},
                            "filePath": TEXT,
                            "line": {"type": "integer"},
                            "extra": {"type": "object"},
                        },
                    },
                },
                "environment": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"testEnvironment": TEXT, "extra": {"type": "object"}},
                },
            },
        },
    },
}

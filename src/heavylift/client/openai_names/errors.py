"""openai-python's names for errors that have another name here. They are the same classes."""

from heavylift.client.errors import (
    HeavyliftError,
    HTTPClientError,
    RequestTimeoutError,
    SDKError,
    ServerError,
)

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIStatusError",
    "APITimeoutError",
    "InternalServerError",
    "OpenAIError",
]

OpenAIError = APIError = HeavyliftError
APIStatusError = SDKError
APIConnectionError = HTTPClientError
APITimeoutError = RequestTimeoutError
InternalServerError = ServerError

"""The metering core held against a second implementation, by the words of the published rule."""

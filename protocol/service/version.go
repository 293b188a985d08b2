package service

import (
	"errors"
	"fmt"
	"strings"
)

// Version is a version of the service protocol.
type Version uint32

// Versions that this server speaks.
const (
	V5 Version = 5
	V6 Version = 6 // random seed, failure metadata
	V7 Version = 7 // trees of futures, acknowledged runs, scopes, error behaviour

	MinVersion = V5
	MaxVersion = V7
)

// contentTypePrefix is followed by the version in decimal.
const contentTypePrefix = "application/vnd.restate.invocation.v"

// ErrContentType: a content type that is none of ours; it must be equal to the byte.
var ErrContentType = errors.New("not a content type of the service protocol")

// Supported reports whether the server speaks v.
func (v Version) Supported() bool { return MinVersion <= v && v <= MaxVersion }

// ContentType is the content type of both bodies of an invocation stream.
func ContentType(v Version) string {
	switch v {
	case V5:
		return contentTypePrefix + "5"
	case V6:
		return contentTypePrefix + "6"
	case V7:
		return contentTypePrefix + "7"
	}
	return fmt.Sprintf("%s%d", contentTypePrefix, uint32(v))
}

// ParseContentType is the inverse of ContentType for the versions that the server speaks.
func ParseContentType(s string) (Version, error) {
	if digits, ok := strings.CutPrefix(s, contentTypePrefix); ok && len(digits) == 1 {
		if v := Version(digits[0] - '0'); v.Supported() {
			return v, nil
		}
	}
	return 0, fmt.Errorf("parse content type %q: %w (want %s, N from %d to %d)",
		s, ErrContentType, contentTypePrefix+"N", MinVersion, MaxVersion)
}

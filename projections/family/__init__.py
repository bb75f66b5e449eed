"""What is shown of families and consents."""

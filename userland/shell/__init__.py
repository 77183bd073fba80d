"""The shell behind `sh`: `lexer` and `parser` know the language, `execute` runs it, `lineedit` is the keyboard."""

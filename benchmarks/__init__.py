"""What takes how long: each module here with a main(arguments) is run by `python -m benchmarks NAME`."""

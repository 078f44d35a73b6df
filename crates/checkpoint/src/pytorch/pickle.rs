//! A machine that reads pickles, and can do nothing else.
//!
//! A pickle is a program for a small machine with a stack: an instruction is one byte and what it needs. `K 05` pushes the
//! number 5, `( K 02 K 03 t` the tuple (2, 3): a mark, two numbers, and "all above the mark becomes a tuple". `q 07` keeps a
//! copy of the top as number 7, `h 07` pushes it again. `c torch⏎FloatStorage⏎` pushes what Python knows by that name, `R`
//! calls a function with a tuple of arguments, `Q` asks the reader for something that is not in the pickle: here, a storage.
//! `.` ends. Source: Python's `pickletools.py`, which documents each instruction.

use super::archive::shown;
use super::globals::{self, Made};
use super::opcodes::*;
use super::values::{Budget, Object, Tensor, Value};

/// What a pickle holds.
pub(super) struct Pickle<'a> {
    pub objects: Vec<Object<'a>>,
    pub root: Value<'a>,
    /// Where it ends: another may follow.
    pub end: usize,
}

/// Runs the pickle that begins at `start`.
pub(super) fn read<'a>(
    bytes: &'a [u8],
    start: usize,
    budget: &mut Budget,
) -> Result<Pickle<'a>, String> {
    let input = Input { bytes, at: start };
    let (stack, marks, memo, objects) = Default::default();
    let mut machine = Machine { input, stack, marks, memo, objects, budget };
    let root = machine.run()?;
    Ok(Pickle { objects: machine.objects, root, end: machine.input.at })
}

struct Machine<'a, 'b> {
    input: Input<'a>,
    stack: Vec<Value<'a>>,
    /// How high the stack was at each mark.
    marks: Vec<usize>,
    /// What was kept, by number.
    memo: Vec<Option<Value<'a>>>,
    objects: Vec<Object<'a>>,
    budget: &'b mut Budget,
}

impl<'a> Machine<'a, '_> {
    fn run(&mut self) -> Result<Value<'a>, String> {
        if !matches!(self.input.take(2)?, [PROTO, 2..=5]) {
            return Err("this is no pickle of protocol 2, 3, 4 or 5".to_owned());
        }
        loop {
            let at = self.input.at;
            let [opcode] = self.input.array()?;
            if opcode == STOP {
                break;
            }
            // At most a value, kept on the stack or under a number.
            self.budget.spend(size_of::<(u32, Value)>())?;
            self.step(opcode)
                .map_err(|problem| format!("{problem} (at byte {at} of the pickle)"))?;
        }
        match (self.stack.as_slice(), self.marks.as_slice()) {
            (&[root], []) => Ok(root),
            _ => Err("the pickle ends with more or less than one value on its stack".to_owned()),
        }
    }

    // ANCHOR: step
    fn step(&mut self, opcode: u8) -> Result<(), String> {
        match opcode {
            NONE => self.stack.push(Value::None),
            NEWTRUE | NEWFALSE => self.stack.push(Value::Other),
            BININT => {
                let number = i32::from_le_bytes(self.input.array()?);
                self.stack.push(Value::Int(number.into()));
            }
            BININT1 => {
                let [number] = self.input.array()?;
                self.stack.push(Value::Int(number.into()));
            }
            BININT2 => {
                let number = u16::from_le_bytes(self.input.array()?);
                self.stack.push(Value::Int(number.into()));
            }
            LONG1 => {
                let length = self.short_length()?;
                self.stack.push(long(self.input.take(length)?));
            }
            SHORT_BINUNICODE | SHORT_BINSTRING => {
                let length = self.short_length()?;
                self.text(opcode, length)?;
            }
            BINUNICODE | BINSTRING => {
                let length = self.length()?;
                self.text(opcode, length)?;
            }
            BINFLOAT => self.skip(8)?,
            SHORT_BINBYTES => {
                let length = self.short_length()?;
                self.skip(length)?;
            }
            BINBYTES => {
                let length = self.length()?;
                self.skip(length)?;
            }

            MARK => self.marks.push(self.stack.len()),
            EMPTY_TUPLE => self.create(Object::Tuple(Vec::new()))?,
            EMPTY_LIST => self.create(Object::List(Vec::new()))?,
            EMPTY_DICT => self.create(Object::Dict(Vec::new()))?,
            TUPLE1 => self.tuple(1)?,
            TUPLE2 => self.tuple(2)?,
            TUPLE3 => self.tuple(3)?,
            TUPLE => {
                let items = self.pop_to_mark()?;
                self.create(Object::Tuple(items))?;
            }
            APPEND => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            APPENDS => {
                let items = self.pop_to_mark()?;
                self.append(items)?;
            }
            SETITEM => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value])?;
            }
            SETITEMS => {
                let items = self.pop_to_mark()?;
                self.set(&items)?;
            }

            BINPUT => {
                let [number] = self.input.array()?;
                self.keep(number.into())?;
            }
            LONG_BINPUT => {
                let number = u32::from_le_bytes(self.input.array()?);
                self.keep(number)?;
            }
            MEMOIZE => {
                let next = u32::try_from(self.memo.len()).map_err(|error| error.to_string())?;
                self.keep(next)?;
            }
            BINGET => {
                let [number] = self.input.array()?;
                self.recall(number.into())?;
            }
            LONG_BINGET => {
                let number = u32::from_le_bytes(self.input.array()?);
                self.recall(number)?;
            }

            GLOBAL => {
                let (module, name) = (self.input.line()?, self.input.line()?);
                self.stack.push(Value::Global(globals::find(module, name)?));
            }
            STACK_GLOBAL => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Text(module), Value::Text(name)) = (module, name) else {
                    return Err("STACK_GLOBAL finds no names on the stack".to_owned());
                };
                self.stack.push(Value::Global(globals::find(module, name)?));
            }
            REDUCE => self.reduce()?,
            BUILD => self.build()?,
            BINPERSID => {
                let id = self.pop()?;
                let storage = globals::storage(id, &self.objects)?;
                self.create(Object::Storage(storage))?;
            }
            // How much comes next is a hint for readers of streams.
            FRAME => {
                let length = u64::from_le_bytes(self.input.array()?);
                if length > self.input.left() as u64 {
                    return Err(format!("a frame of {length} bytes is longer than the pickle"));
                }
            }
            _ => return Err(refused(opcode)),
        }
        Ok(())
    }
    // ANCHOR_END: step

    /// Takes the top of the stack, but nothing below a mark.
    fn pop(&mut self) -> Result<Value<'a>, String> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let value = if self.stack.len() > floor { self.stack.pop() } else { None };
        value.ok_or_else(|| "takes a value from an empty stack".to_owned())
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value<'a>>, String> {
        let mark = self.marks.pop().ok_or("there is no mark on the stack")?;
        Ok(self.stack.split_off(mark))
    }

    fn top(&self) -> Result<Value<'a>, String> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let above = self.stack.get(floor..).and_then(<[_]>::last);
        above.copied().ok_or_else(|| "looks at an empty stack".to_owned())
    }

    /// Pushes a new object.
    fn create(&mut self, object: Object<'a>) -> Result<(), String> {
        self.budget.spend(size_of::<Object>())?;
        self.stack.push(Value::Object(self.objects.len()));
        self.objects.push(object);
        Ok(())
    }

    fn tuple(&mut self, length: usize) -> Result<(), String> {
        let mut items = Vec::with_capacity(length);
        for _ in 0..length {
            items.push(self.pop()?);
        }
        items.reverse();
        self.create(Object::Tuple(items))
    }

    fn append(&mut self, items: Vec<Value<'a>>) -> Result<(), String> {
        match self.top_object()? {
            Object::List(list) => list.extend(items),
            _ => return Err("appends to something that is no list".to_owned()),
        }
        Ok(())
    }

    fn set(&mut self, items: &[Value<'a>]) -> Result<(), String> {
        let (pairs, odd) = items.as_chunks::<2>();
        match self.top_object()? {
            Object::Dict(dict) if odd.is_empty() => {
                dict.extend(pairs.iter().map(|&[key, value]| (key, value)))
            }
            Object::Dict(_) => return Err("sets a key without a value".to_owned()),
            _ => return Err("sets items of something that is no dictionary".to_owned()),
        }
        Ok(())
    }

    fn top_object(&mut self) -> Result<&mut Object<'a>, String> {
        let top = self.top()?;
        let Value::Object(place) = top else { return Err(format!("changes {top:?}")) };
        Ok(&mut self.objects[place])
    }

    /// Numbers go up one by one; Python 2 begins with 1.
    fn keep(&mut self, number: u32) -> Result<(), String> {
        let top = self.top()?;
        let place = usize::try_from(number).map_err(|error| error.to_string())?;
        if place > self.memo.len() + 1 {
            return Err(format!("keeps number {number} after number {}", self.memo.len()));
        }
        self.memo.resize(self.memo.len().max(place + 1), None);
        self.memo[place] = Some(top);
        Ok(())
    }

    fn recall(&mut self, number: u32) -> Result<(), String> {
        let place = usize::try_from(number).map_err(|error| error.to_string())?;
        let value = self.memo.get(place).copied().flatten();
        let value = value.ok_or_else(|| format!("nothing was kept as number {number}"))?;
        self.stack.push(value);
        Ok(())
    }

    fn reduce(&mut self) -> Result<(), String> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let Value::Global(global) = function else {
            return Err("calls something that is no function".to_owned());
        };
        let Some(Object::Tuple(arguments)) = arguments.object(&self.objects) else {
            return Err("calls a function without a tuple of arguments".to_owned());
        };
        match globals::call(global, arguments, &self.objects)? {
            Made::Value(value) => self.stack.push(value),
            Made::Object(object) => {
                self.budget.spend(match &object {
                    Object::Tensor(tensor) => size_of::<Tensor>() + 2 * size_of_val(&*tensor.shape),
                    Object::Dict(pairs) => size_of_val(&**pairs),
                    _ => 0,
                })?;
                self.create(object)?;
            }
        }
        Ok(())
    }

    /// A state dict has the attribute `_metadata`, the versions of its modules: nothing that a tensor needs.
    fn build(&mut self) -> Result<(), String> {
        let _state = self.pop()?;
        match self.top_object()? {
            Object::Dict(_) => Ok(()),
            _ => Err("refuses BUILD on something that is no dictionary: a file of weights needs no such thing".to_owned()),
        }
    }

    fn short_length(&mut self) -> Result<usize, String> {
        let [length] = self.input.array()?;
        Ok(length.into())
    }

    fn length(&mut self) -> Result<usize, String> {
        let length = u32::from_le_bytes(self.input.array()?);
        usize::try_from(length).map_err(|error| error.to_string())
    }

    /// The strings of Python 2 are bytes; where they are no text, no name is lost.
    fn text(&mut self, opcode: u8, length: usize) -> Result<(), String> {
        let bytes = self.input.take(length)?;
        let old = matches!(opcode, BINSTRING | SHORT_BINSTRING);
        self.stack.push(match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text),
            Err(_) if old => Value::Other,
            Err(_) => return Err("a string is not UTF-8".to_owned()),
        });
        Ok(())
    }

    fn skip(&mut self, length: usize) -> Result<(), String> {
        self.input.take(length)?;
        self.stack.push(Value::Other);
        Ok(())
    }
}

/// A whole number in two's complement, lowest byte first.
fn long(bytes: &[u8]) -> Value<'static> {
    let negative = bytes.last().is_some_and(|highest| highest & 0x80 != 0);
    let mut wide = if negative { [0xff; 8] } else { [0; 8] };
    match wide.get_mut(..bytes.len()) {
        Some(low) => low.copy_from_slice(bytes),
        // No size is so large.
        None => return Value::Other,
    }
    Value::Int(i64::from_le_bytes(wide))
}

/// The bytes of a pickle, and how far they were read.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or_else(|| {
            format!("the pickle is cut off: {length} bytes are wanted, {} are left", self.left())
        })?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.take(N).map(|bytes| bytes.try_into().expect("the length is N"))
    }

    /// Up to the end of the line, which is left out.
    fn line(&mut self) -> Result<&'a str, String> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|&byte| byte == b'\n').ok_or("a name has no end")?;
        let line = std::str::from_utf8(&rest[..length]).map_err(|_| {
            format!("the name {} is not UTF-8", shown(&String::from_utf8_lossy(&rest[..length])))
        })?;
        self.at += length + 1;
        Ok(line)
    }
}
